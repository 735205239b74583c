"""The options of commands that run episodes: each one once, with its default and the commands that take it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from billp.commands.console import complain
from billp.commands.offered import Offered, number_list
from billp.commands.output import AsJson, Assignments, settings_from
from billp.commands.shell_completion import dataset_names, memory_names, method_names, run_names
from billp.experiments.checks import USERS, USERS_COMPARED
from billp.graphs.methods import METHODS
from billp.settings import Settings

_TRAINING_EPISODES = 100


_RUNS = "train evaluate episode critic play compare surface tune"


@dataclass(frozen=True)
class RunOptions:
    """The options that one of these commands was given; options that it does not take have their default."""

    method: Annotated[
        str, Offered(", ".join(METHODS), on="train evaluate episode critic play api", completed=method_names)
    ] = "billp"
    methods: Annotated[
        str,
        Offered(
            "methods, comma-separated; surface adds the oracle",
            on="compare surface",
            completed=method_names,
            defaults={
                "surface": "random,diverse-random,diverse-learned,round-robin,mmr,dpp,billp-memory-only-no-logs,"
                "billp-memory-only"
            },
        ),
    ] = "random,shortlist-random,act-only,react,reflexion,billp,oracle"
    dataset: Annotated[
        str, Offered("registered dataset with a built simulator", on=f"{_RUNS} knowledge api", completed=dataset_names)
    ] = "ml-100k"
    episodes: Annotated[
        int | None,
        Offered(
            "training episodes of each method that learns from episodes",
            str(_TRAINING_EPISODES),
            on="train compare surface demo",
            defaults={"demo": 30},
            old="--train-episodes",
            least=1,
        ),
    ] = None
    epochs: Annotated[
        int | None,
        Offered("epochs that policies train for", "as in their hyperparameters", on="train compare tune", least=1),
    ] = None
    users: Annotated[
        int,
        Offered(
            "held-out users that every method meets",
            on="evaluate critic demo compare surface",
            defaults={"compare": USERS_COMPARED, "surface": USERS_COMPARED},
            least=1,
        ),
    ] = USERS
    seeds: Annotated[
        str,
        Offered(
            "a number that decides what is drawn; evaluate, critic, compare and surface take several, comma-separated, "
            "and do everything once with each",
            on=f"{_RUNS} demo api",
            old="--seed",
        ),
    ] = "0"
    horizon: Annotated[
        int | None,
        Offered(
            "steps after which an episode is cut off",
            "the setting run.horizon",
            on=f"{_RUNS} demo",
            defaults={"demo": 10},
            least=1,
        ),
    ] = None
    memory: Annotated[
        str | None,
        Offered(
            "name of the memory, or of what was trained without one",
            "the method's name; for people, their own memory",
            on="train evaluate episode critic play api",
            completed=memory_names,
        ),
    ] = None
    learn: Annotated[
        bool, Offered("reflect, and write what was learned to memory", on="episode play", flag="--learn")
    ] = False
    untrained: Annotated[
        bool,
        Offered(
            "take the method before it learned; its memory must hold nothing",
            on="evaluate episode critic api",
            flag="--untrained",
        ),
    ] = False
    run: Annotated[
        str | None,
        Offered(
            "name of the run's folder",
            "made of command, method and time",
            on="train evaluate critic play compare surface tune",
            completed=run_names,
        ),
    ] = None
    resume: Annotated[
        bool,
        Offered(
            "go on with the run that --run names; a comparison may have more methods, seeds or users",
            on="train evaluate critic compare surface tune",
            flag="--resume",
        ),
    ] = False
    side_by_side: Annotated[
        int | None,
        Offered(
            "episodes, or questions, in flight at once",
            "the setting run.side_by_side",
            on="train evaluate critic compare surface knowledge",
        ),
    ] = None
    engine: Annotated[
        Literal["local", "ray"] | None,
        Offered(
            "who plays episodes: this process, or Ray's workers",
            "the setting run.engine",
            on="train evaluate compare surface",
        ),
    ] = None
    ray_address: Annotated[
        str | None,
        Offered(
            "Ray cluster, or auto",
            "Ray on this machine",
            on="train evaluate compare surface",
            metavar="HOST:PORT",
        ),
    ] = None
    log_to: Annotated[
        Literal["mlflow", "wandb"] | None,
        Offered(
            "log parameters, episodes and results there too", "the setting run.log_to", on="train evaluate compare"
        ),
    ] = None
    tape: Annotated[
        Literal["record", "replay", "off"] | None,
        Offered(
            "record every LLM call, or replay a recorded run without an LLM",
            "the setting run.tape",
            on="train evaluate episode critic compare",
        ),
    ] = None
    tape_file: Annotated[
        Path | None,
        Offered(
            "the tape",
            "tape.sqlite in the run's folder",
            on="train evaluate episode critic compare",
            metavar="FILE",
        ),
    ] = None
    prompts: Annotated[
        str | None,
        Offered(
            "prompt pack; compare takes several, comma-separated, and compares them",
            "the shipped pack",
            on="train evaluate episode critic play compare demo knowledge api",
            metavar="NAME|DIR",
        ),
    ] = None
    assign: Annotated[Assignments, Offered(on=f"{_RUNS} demo knowledge api")] = None
    as_json: Annotated[AsJson, Offered(on=f"{_RUNS} demo knowledge")] = False

    def settings(self, *first: str, **flags: Any) -> Settings:
        """Returns the settings: `flags` override these options, and `--set` overrides `first`."""
        told = {
            "run__horizon": self.horizon,
            "run__side_by_side": self.side_by_side,
            "run__engine": self.engine,
            "run__ray_address": self.ray_address,
            "run__log_to": self.log_to,
            "run__tape": self.tape,
            "run__tape_file": self.tape_file,
            "prompts": self.prompts,
        }
        return settings_from([*first, *(self.assign or ())], **(told | flags))

    @property
    def training_episodes(self) -> int:
        """Training episodes of a method that learns from them."""
        return self.episodes or _TRAINING_EPISODES

    @property
    def named_memory(self) -> str:
        """The memory of a simulated user's method; by default it has the method's name."""
        return self.memory or self.method

    def seed_list(self) -> list[int]:
        """Returns the seeds, each once."""
        seeds = number_list(self.seeds, "--seeds")
        if len(set(seeds)) < len(seeds):  # an episode is named by user and seed, and runs once
            raise typer.BadParameter(f"{self.seeds!r} names a seed twice", param_hint="--seeds")
        return seeds

    def seed(self) -> int:
        """Returns the seed of a command that takes one."""
        seeds = self.seed_list()
        if len(seeds) > 1:
            raise typer.BadParameter(
                f"{self.seeds!r} names several; this command takes one, and billp compare as many as you like",
                param_hint="--seeds",
            )
        return seeds[0]


def run_command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turns a function of (options, its own parameters) into the command `name` with the options declared above."""
    taken = _taken_by(name)

    def decorate(work: Callable[..., None]) -> Callable[..., None]:
        _, *own = inspect.signature(work, eval_str=True).parameters.values()

        @wraps(work)
        def command(**given: Any) -> None:
            told = {option: given.pop(option) for option in taken}
            for option, (offered, parameters) in taken.items():
                if (before := given.pop(_old(option), None)) is not None:
                    if told[option] != parameters[0].default:
                        raise typer.BadParameter(f"it is called --{option} now; give one", param_hint=offered.old)
                    complain(f"billp: {offered.old} is called --{option} now; the old name will go.")
                    told[option] = before
            work(RunOptions(**told), **given)

        shared = [parameter for _, parameters in taken.values() for parameter in parameters]
        needed = [each for each in own if each.default is each.empty]
        free = [each for each in own if each.default is not each.empty]
        in_order = [each.replace(kind=each.KEYWORD_ONLY) for each in (*needed, *shared, *free)]
        command.__signature__ = inspect.Signature(in_order)  # type: ignore[attr-defined] # what Typer reads
        command.__annotations__ = {}
        return command

    return decorate


def _taken_by(command: str) -> dict[str, tuple[Offered, list[inspect.Parameter]]]:
    """Returns the options of `command` and their parameters for Typer: the option, and hidden, its old flag."""
    hints = get_type_hints(RunOptions, include_extras=True)
    taken = {}
    for each in fields(RunOptions):
        *typer_has, offered = hints[each.name].__metadata__
        if command not in offered.on.split():
            continue
        type_ = hints[each.name].__origin__
        shown = typer_has or [offered.info(offered.flag)]
        default = offered.defaults.get(command, each.default)
        parameters = [_parameter(each.name, Annotated[type_, *shown], default)]
        if offered.old is not None:
            parameters.append(
                _parameter(_old(each.name), Annotated[type_ | None, offered.info(offered.old, hidden=True)])
            )
        taken[each.name] = (offered, parameters)
    return taken


def _old(name: str) -> str:
    return f"old_{name}"


def _parameter(name: str, annotation: object, default: object = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
