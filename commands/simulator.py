"""`billp simulator`: the simulated users of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.next_steps import comparison_of
from billp.commands.output import AsJson, Assignments, settings_from, show_json, show_names, show_table, stderr, stdout
from billp.commands.shell_completion import dataset_names
from billp.commands.waiting import fraction_bar, spinner
from billp.experiments.stats.numbers import fixed

if TYPE_CHECKING:
    from billp.simulators.rating.model_choice import ModelChoice

app = typer.Typer(help="Build and describe the simulated users.", no_args_is_help=True)

_MEANING = {
    "users": "users",
    "items": "items",
    "interactions": "interactions",
    "model": "rating model",
    "rmse": "RMSE in stars",
    "mae": "MAE in stars",
    "reward_histogram": "answers by stars",
    "quit_rule": "quit rule",
    "window": "steps it looks back",
    "beta": "too close below (beta)",
    "parameters": "its parameters",
    "repeats": "items may repeat",
    "min_reward": "leaves below (stars)",
    "too_low": "ratings below that",
    "reward_rounding": "rewards rounded to",
    "judgement_rounding": "judged ratings to",
    "horizon": "horizon (most steps)",
    "policy_users": "users of policies",
    "seed": "seed of the split",
}
"""What `billp simulator show` says of a world, in words."""


Name = Annotated[str, typer.Argument(help="a registered dataset", autocompletion=dataset_names)]


@app.command()
def build(name: Name, assign: Assignments = None) -> None:
    """Fit the train world and the test world on a dataset's logs."""
    from billp.simulators import build_worlds, concerns, load_dataset, made_and_saved, simulator_folder
    from billp.simulators.quit.registry import rule_named

    settings = settings_from(assign)
    rule_named(settings.simulator.quit_rule)  # before users are fitted for minutes
    with fraction_bar(f"reading {name}") as progress:
        dataset = load_dataset(settings.data, name, progress)
    folder = simulator_folder(settings.data, name)
    with fraction_bar(f"fitting {name}") as progress:
        worlds = made_and_saved(folder, lambda: build_worlds(dataset, settings.simulator, progress))
    stdout.print(f"The simulator is in {folder}")
    _say(worlds.choice)
    for world in (worlds.train, worlds.test):
        off = world.accuracy.rmse
        stdout.print(
            f"The {world.split} world is off by {off.model:.4f} stars (RMSE on {world.accuracy.rows:,} ratings no fit "
            f"has seen); a biased factorisation by {off.biased_factorisation:.4f}, item means by {off.item_mean:.4f}."
        )
    _warn(concerns(worlds))
    stdout.print(f"Next: {comparison_of(name, settings)}", soft_wrap=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the simulators that are built; NAME@VARIANT is another one of the same dataset."""
    from billp.simulators import list_simulators

    names = list_simulators(settings_from().data)
    if as_json:
        show_json({"simulators": names})
    else:
        show_names(names, "No simulators yet; `billp simulator build NAME` builds one for a data set.")


@app.command()
def rm(name: Name, yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False) -> None:
    """Remove a simulator; its dataset, and memories and runs made with it, stay."""
    from billp.simulators import remove_simulator

    data = settings_from().data
    if not yes:
        typer.confirm(f"Remove the simulator {name}?", abort=True)
    stdout.print(f"{remove_simulator(data, name)} is removed")


@app.command("show")
@app.command("info", hidden=True)
def show(name: Name, assign: Assignments = None, as_json: AsJson = False) -> None:
    """Describe the train world and the test world, and how long simple policies keep their users."""
    from billp.simulators import load_dataset, load_worlds, simulator_folder, world_info

    settings = settings_from(assign)
    with spinner(f"running policies on {name}"):
        dataset = load_dataset(settings.data, name)
        worlds = load_worlds(simulator_folder(settings.data, name), dataset)
        worlds = worlds.quitting_by(settings.run.quit_rule, settings.run.repeats, settings.run.window)
        described = world_info(worlds, dataset)
    if as_json:
        show_json(described)
        return
    train, test = described.train.model_dump(), described.test.model_dump()
    fields = {field: words for field, words in _MEANING.items() if train[field] not in (None, {})}
    table = [(words, _cell(train[field]), _cell(test[field])) for field, words in fields.items()]
    show_table(["", "train world", "test world"], table, name)
    rows = [
        (split, policy, *(fixed(figure, 2) for figure in outcome.values()))
        for split, world in (("train", train), ("test", test))
        for policy, outcome in world["policies"].items()
    ]
    show_table(
        ["world", "policy", "Len", "R_each", "R_traj"],
        rows,
        "what policies that do not learn reach: steps, stars a step, stars an episode",
    )
    _say(described.choice)
    _warn(described.concerns)


def _say(choice: ModelChoice | None) -> None:
    if choice is not None:
        stdout.print(f"Both worlds rate with {choice.kind}: {choice.why}.")


def _warn(concerns: list[str]) -> None:
    for sentence in concerns:
        stderr.print(f"Warning: {sentence}", markup=False)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name.replace('_', ' ')} {_cell(number)}" for name, number in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
