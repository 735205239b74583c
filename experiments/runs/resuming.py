"""The command that goes on with a run, told from what its folder says of how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import flat, read_config, read_surroundings
from billp.graphs.methods import METHODS
from billp.settings import Settings, is_place, is_secret, setting_fields

_APART = ("data_dir", "runs_dir", "postgres_url", "page.", "api.", "vllm.", "run.tape_file")
"""Settings that a run does not depend on, or that its folder decides."""


def resumption(folder: Path, settings: Settings) -> tuple[str, ...]:
    """Returns the arguments of `billp` that go on with the run in `folder`, for a process with these `settings`.

    What the run was made with and these settings lack is given with `--set`. Raises ArtifactError, saying what to do,
    for a run whose command cannot be told from its folder, and for one that was made with another folder or server:
    what a folder holds leads no process to these.
    """
    try:
        config, before = read_config(folder), read_surroundings(folder)
        dataset, plan = config["dataset"]["name"], config["plan"]
        if plan["command"] == "demo":
            raise ArtifactError(f"Run {folder.name} is a demo, which does not go on; begin another with `billp demo`.")
        own = _OWN[plan["command"]](plan)
        differing = _differing(before["settings"], settings)
    except (KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(_by_hand(folder, "its command cannot be told from its folder")) from error
    given = [*own, "--dataset", dataset]
    for name, value in differing.items():
        if is_place(name) or is_secret(name) or not isinstance(value, str | int | float):
            raise ArtifactError(_by_hand(folder, f"it was made with another {name}"))
        given += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
    return (plan["command"], *map(str, given), "--run", folder.name, "--resume")


def _by_hand(folder: Path, reason: str) -> str:
    return f"Run {folder.name} goes on in a terminal, since {reason}: give its command again, with --resume."


def _differing(before: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    now = flat(settings.model_dump(mode="json"))
    told = {name: value for name, value in flat(before).items() if name in setting_fields() and not _is_apart(name)}
    return {name: value for name, value in told.items() if value != now.get(name)}


def _is_apart(name: str) -> bool:
    return name.startswith(_APART)


def _train(plan: Mapping[str, Any]) -> list[object]:
    learned = ["--episodes", plan["episodes"], "--memory", plan["memory"]]
    return ["--method", plan["method"], *learned, "--seeds", plan["seed"]]


def _evaluate(plan: Mapping[str, Any]) -> list[object]:
    method = METHODS[plan["method"]]
    kept = ["--memory", plan["memory"]] if method.learns or method.needs_policy else []
    untrained = method.remembers and not any(plan["memory_records"].values())
    return [
        "--method", method.name, *kept, "--users", len(plan["users"]), "--seeds", _listed(plan["seeds"]),
        *(["--untrained"] if untrained else []),
    ]  # fmt: skip


def _compare(plan: Mapping[str, Any]) -> list[object]:
    if any(name != arm["method"] for name, arm in plan["arms"].items()):
        raise KeyError("arms")  # of several prompt packs, whose folders are not noted
    probes = ["--probe-at", _listed(plan["probes"]), "--probe-users", plan["probe_users"]] if "probes" in plan else []
    return [
        "--methods", ",".join(plan["arms"]), "--base", plan["base"], "--episodes", plan["train_episodes"],
        "--users", plan["users"], "--seeds", _listed(plan["seeds"]), *probes,
        *(["--stop-early"] if plan["stop_early"] else []), *(["--epochs", plan["epochs"]] if "epochs" in plan else []),
    ]  # fmt: skip


def _listed(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


_OWN = {"train": _train, "evaluate": _evaluate, "compare": _compare}
