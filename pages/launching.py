"""What a person asks for to start a run, checked, and the command line that does the same in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from billp.agents.llm.providers import provider_of
from billp.errors import SettingsError
from billp.experiments.checks import USERS, USERS_COMPARED, check_dataset, check_method, check_run, check_users
from billp.experiments.runs.run_names import run_name
from billp.graphs.methods import METHODS, Method, method_named, teachable
from billp.memory import readable_inventory
from billp.names import checked_name
from billp.pages.answers import Answer, MemoryName, Question
from billp.settings import Settings, assigned, is_place, is_secret, load_settings, variable
from billp.simulators import list_datasets, list_simulators
from billp.simulators.quit.registry import RULES, rule_named

Text = Annotated[str, Field(max_length=200, pattern=r"^([^\x00-\x1f\x7f\-][^\x00-\x1f\x7f]*)?$")]
"""Words that cannot be taken for an option."""
_USERS = {"evaluate": USERS, "compare": USERS_COMPARED}
_STAND_IN = "SmolLM2-135M, a stand-in whose words carry no knowledge"
Count = Annotated[int, Field(ge=1, le=10**6)]


class RunForm(Question):
    """A run to start. What stays empty has the command's own default; what the command does not take is left out."""

    command: Literal["train", "evaluate", "compare"]
    dataset: Text
    methods: Annotated[list[Text], Field(min_length=1, max_length=40)]
    episodes: Count | None = None
    epochs: Count | None = None
    users: Count | None = None
    seeds: Annotated[str, Field(max_length=200, pattern=r"^\d+(,\d+)*$")] = "0"
    horizon: Count | None = None
    quit_rule: Text = ""
    memory: Text = ""
    untrained: bool = False
    base: Text = ""
    probe_every: Count | None = None
    run: Text = ""
    settings: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    """Further settings, each NAME=VALUE."""


@dataclass(frozen=True)
class PlannedRun:
    """A run that can be started: its name and the arguments of `billp`."""

    run: str
    arguments: tuple[str, ...]


def planned(form: RunForm, settings: Settings) -> PlannedRun:
    """Returns the run that `form` asks for; raises a BillpError if it makes no sense, as the command would."""
    chosen = [method_named(method) for method in form.methods]
    if form.command != "compare" and len(chosen) > 1:
        raise SettingsError(f"Several methods are chosen, and {form.command} takes one; choose one, or compare them.")
    if form.command == "train" and "," in form.seeds:
        raise SettingsError(f"Seeds {form.seeds} are several, and training takes one; name one.")
    check_dataset(settings, form.dataset)
    if form.quit_rule:
        rule_named(form.quit_rule)
    assignments = [*form.settings, *([f"run.quit_rule={form.quit_rule}"] if form.quit_rule else [])]
    load_settings(_named(assignments))
    name = form.run or run_name(form.command, *(form.methods if form.command != "compare" else ()))
    check_run(settings, name, resume=False)
    arguments = [form.command, "--dataset", form.dataset]
    arguments += _OWN[form.command](form, chosen, settings)
    if form.command != "train":
        check_users(settings, form.dataset, form.users or _USERS[form.command])
    arguments += ["--seeds", form.seeds]
    arguments += _given("--horizon", form.horizon)
    for assignment in assignments:
        arguments += ["--set", assignment]
    return PlannedRun(name, (*arguments, "--run", name))


def _train(form: RunForm, chosen: Sequence[Method], _: Settings) -> list[str]:
    method = teachable(chosen[0].name)
    if method.needs_policy or method.answers:
        checked_name("policy", form.memory or method.name)
    learned = _given("--epochs", form.epochs) if method.needs_policy else _given("--episodes", form.episodes)
    return ["--method", method.name, *learned, *_given("--memory", form.memory)]


def _evaluate(form: RunForm, chosen: Sequence[Method], settings: Settings) -> list[str]:
    (method,) = chosen
    untrained = form.untrained and method.learns
    check_method(settings, method.name, form.dataset, form.memory or method.name, untrained=untrained)
    kept = _given("--memory", form.memory) if method.learns or method.needs_policy else []
    return ["--method", method.name, *_given("--users", form.users), *kept, *(["--untrained"] if untrained else [])]


def _compare(form: RunForm, chosen: Sequence[Method], _: Settings) -> list[str]:
    if len(chosen) < 2:
        raise SettingsError(f"There is only {chosen[0].name} to compare; choose two methods.")
    if form.base and form.base not in form.methods:
        raise SettingsError(f"The base {form.base!r} is not compared; choose one of {', '.join(form.methods)}.")
    learns = any(method.learns for method in chosen)
    policies = any(method.needs_policy for method in chosen)
    return [
        "--methods", ",".join(method.name for method in chosen), *_given("--users", form.users),
        *(_given("--base", form.base) if form.base != form.methods[0] else []),
        *(_given("--episodes", form.episodes) + _given("--probe-every", form.probe_every) if learns else []),
        *(_given("--epochs", form.epochs) if policies else []),
    ]  # fmt: skip


_OWN = {"train": _train, "evaluate": _evaluate, "compare": _compare}


def _given(option: str, value: object) -> list[str]:
    return [option, str(value)] if value else []


def _named(assignments: Sequence[str]) -> dict[str, str]:
    pairs = assigned(assignments)
    for name in pairs:
        if is_secret(name):  # every program of this machine could read it in the command
            raise SettingsError(
                f"Setting {name} is secret; put it in the environment of this server: {variable(name)}."
            )
        if is_place(name):  # a folder not shown here, a file read for others, a server that the key would be sent to
            raise SettingsError(
                f"Setting {name} is this server's own: put it in its environment ({variable(name)}) or billp.toml, or "
                "start the run in a terminal."
            )
    return pairs


class DatasetChoice(Answer):
    """A registered data set; `ready` says whether it has simulated users."""

    name: str
    ready: bool


class MethodChoice(Answer):
    """A method: the group it is shown in, how it learns, and whether a language model is asked."""

    name: str
    group: str
    learns: Literal["", "episodes", "epochs"]
    model: bool


class Choices(Answer):
    """What the form offers. `rule` is the quit rule in force, `model` the language model in words."""

    datasets: list[DatasetChoice]
    methods: list[MethodChoice]
    rules: list[str]
    memories: list[MemoryName]
    model: str


def choices(settings: Settings) -> Choices:
    """Returns what there is to choose from with these `settings`."""
    ready = set(list_simulators(settings.data))
    names = list_datasets(settings.data)
    llm = settings.llm
    return Choices(
        datasets=[DatasetChoice(name=name, ready=name in ready) for name in sorted({*names, *ready})],
        methods=[
            MethodChoice(
                name=method.name,
                group=_group(method),
                learns="episodes" if method.learns else "epochs" if method.needs_policy else "",
                model=method.needs_llm,
            )
            for method in METHODS.values()
        ],
        rules=list(RULES),
        memories=[
            MemoryName(dataset=dataset, memory=memory)
            for dataset, memories in readable_inventory(settings)[0].items()
            for memory in memories
        ],
        model=llm.model if llm.base_url or provider_of(llm.model) else llm.gguf.stem if llm.gguf else _STAND_IN,
    )


def _group(method: Method) -> str:
    if method.name.startswith("billp"):
        return "BiLLP"
    if method.needs_llm:
        return "Language model agents"
    named = {"rival": "Re-rankers and bandits", "policy": "Reinforcement learning"}
    return named.get(method.chooser, "Bounds")
