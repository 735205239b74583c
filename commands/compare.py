"""`billp compare`: methods or prompt packs against each other, on the same users and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.offered import number_list
from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, show_results, stdout
from billp.commands.running import given_run, new_run, with_resources, with_tape_in
from billp.commands.terminal_plot import show_learning
from billp.commands.waiting import named_bars

if TYPE_CHECKING:
    from billp.experiments.compare.design import Design
    from billp.experiments.compare.results import Comparison
    from billp.settings import Settings

_PROBE = 20


@run_command("compare")
def compare(
    options: RunOptions,
    base: Annotated[
        str | None, typer.Option(help="what the others are compared with", show_default="the first one named")
    ] = None,
    probe_every: Annotated[
        int, typer.Option(min=0, help="learning curve: meet the probe's users after every so many episodes; 0 is never")
    ] = 0,
    probe_at: Annotated[
        str | None, typer.Option(metavar="N,N", help="the same after these numbers of episodes, e.g. 0,30,100")
    ] = None,
    probe_users: Annotated[
        int | None, typer.Option(min=1, help="users of the learning curve", show_default="20, or as many as before")
    ] = None,
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early", help="stop once every R_traj differs from the base's; needs two seeds where a method trains"
        ),
    ] = False,
) -> None:
    """Train, then evaluate methods on the same held-out users and seeds, with paired intervals.

    Each learning method has a memory of its own, or a policy of its own, for each seed. Every pair differs in nothing
    but the method (or the prompts), so the difference is taken user by user. `runs/NAME/comparison.json` holds the
    results.
    """
    from billp.experiments.checks import check_dataset, check_users
    from billp.experiments.compare.design import checked

    settings = options.settings(prompts=None)  # several may be named, a pack an arm
    given = given_run(settings, options)
    check_dataset(settings, options.dataset)
    design = _design(
        settings,
        options,
        base=base,
        probes=_probes(probe_every, probe_at, options.training_episodes),
        probe_users=min(probe_users or _known_probe(given) or _PROBE, options.users),
        stop_early=stop_early,
    )
    checked(design, settings.run.batch)
    check_users(settings, options.dataset, options.users)
    folder = given or new_run(settings, "compare")
    settings = with_tape_in(folder, settings)

    from billp.experiments.compare.comparison import compare as run_comparison

    with named_bars(f"comparing {len(design.arms)} methods", design.episodes) as (advance, show_training):
        found = with_resources(
            settings,
            lambda resources: run_comparison(
                resources,
                design,
                run=folder,
                resume=options.resume,
                on_episode=lambda _: advance(),
                on_training=show_training,
            ),
        )
    if options.as_json:
        show_json({"run": str(folder), **found.model_dump(mode="json")})
    else:
        _show(found, folder)
    if any(summary.failed for summary in (*found.methods.values(), *found.training.values())):
        raise typer.Exit(1)


def _probes(every: int, at: str | None, train_episodes: int) -> tuple[int, ...]:
    """Returns after how many training episodes to probe; the evaluation does it after all of them."""
    if at is None:
        return tuple(range(0, train_episodes, every)) if every else ()
    if every:
        raise typer.BadParameter("give one of --probe-every and --probe-at", param_hint="--probe-at")
    probes = sorted(set(number_list(at, "--probe-at")) - {train_episodes})
    if not probes:
        raise typer.BadParameter(f"a curve needs a point before the {train_episodes} episodes", param_hint="--probe-at")
    return tuple(probes)


def _known_probe(folder: Path | None) -> int | None:
    """Returns how many users the probe of a resumed comparison has, whatever the present number of users."""
    from billp.experiments.runs.configured_folder import CONFIG, read_config

    if folder is None or not (folder / CONFIG).exists():
        return None
    plan = read_config(folder).get("plan")
    known = plan.get("probe_users") if isinstance(plan, dict) else None
    return known if isinstance(known, int) else None


def _design(
    settings: Settings,
    options: RunOptions,
    *,
    base: str | None,
    probes: tuple[int, ...],
    probe_users: int,
    stop_early: bool,
) -> Design:
    from billp.agents.prompt_pack import load_pack
    from billp.experiments.compare.design import Design, arms_of

    named = options.prompts
    folders = [Path(name.strip()) for name in named.split(",")] if named else [settings.prompts]
    arms = arms_of([method.strip() for method in options.methods.split(",")], [load_pack(each) for each in folders])
    return Design(
        dataset=options.dataset,
        arms=arms,
        base=base or arms[0].name,
        train_episodes=options.training_episodes,
        users=options.users,
        seeds=tuple(options.seed_list()),
        probes=probes,
        probe_users=probe_users,
        stop_early=stop_early,
        epochs=options.epochs,
    )


def _show(found: Comparison, folder: Path) -> None:
    from billp.experiments.compare.comparison_tables import tables_of

    if found.stopped_early:
        stdout.print(f"Stopped after {found.users} users: every R_traj differs from that of {found.base}.")
    for table in tables_of(found):
        show_results(table)
    show_learning(found)
    serving = found.serving
    if serving.seconds:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in serving.cached_share.items())
        stdout.print(
            f"LLM: busy {serving.busy_share:.0%} of {serving.seconds / 60:.1f} min, "
            f"{serving.calls_at_once:.1f} calls at once; prompt tokens from the prefix cache: {shares}"
        )
    stdout.print(f"Run: {folder}")
    stdout.print(f"Every episode and more pictures: billp report {folder.name}", soft_wrap=True)
