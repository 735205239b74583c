"""Checks the arguments of a run in tenths of a second, before anything is loaded or announced."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from billp.errors import ArtifactError, MemoryStoreError, SettingsError
from billp.experiments.runs.configured_folder import check_free
from billp.graphs.methods import Method, method_named
from billp.names import checked_name, there_is_no
from billp.settings import Settings

USERS, USERS_COMPARED = 20, 100
"""Held-out users that an evaluation and a comparison meet where no number is given."""
TRACKERS = {"mlflow": "MLflow", "wandb": "Weights & Biases"}
"""What runs can be logged to, by the setting and the package's name."""


def check_dataset(settings: Settings, name: str) -> None:
    """Raises DataError if no such dataset is registered, ArtifactError if it has no simulator.

    `name` may be a variant of a dataset's simulator, NAME@VARIANT.
    """
    from billp.simulators import list_datasets, simulator_folder  # noqa: PLC0415 -- slower than everything else
    from billp.simulators.data.registry import base_name, no_dataset  # noqa: PLC0415
    from billp.simulators.env.artifacts import RECORD  # noqa: PLC0415

    if base_name(name) not in list_datasets(settings.data):
        raise no_dataset(settings.data, name)
    if not (simulator_folder(settings.data, name) / RECORD).is_file():
        raise ArtifactError(f"Dataset {name} has no simulator; build it with `billp simulator build {name}`.")


def check_users(settings: Settings, dataset: str, users: int) -> None:
    """Raises BadInputError if `dataset` has fewer held-out users than `users`, and what `check_dataset` raises."""
    check_dataset(settings, dataset)
    from billp.simulators import simulator_folder  # noqa: PLC0415 -- as above
    from billp.simulators.env.artifacts import held_out  # noqa: PLC0415
    from billp.simulators.env.world import check_count  # noqa: PLC0415

    check_count(dataset, "test", held_out(simulator_folder(settings.data, dataset)), users)


def check_tracker(settings: Settings) -> None:
    """Raises SettingsError if the package of the tracker that `run.log_to` names is not installed."""
    wanted = settings.run.log_to
    if wanted != "none" and find_spec(wanted) is None:
        raise SettingsError(
            f"{TRACKERS[wanted]} (run.log_to={wanted}) is not installed; run `pip install 'billp[{wanted}]'`."
        )


def check_run(settings: Settings, name: str, *, resume: bool) -> Path:
    """Returns the folder of the run `name`; raises ArtifactError if it is taken, BadInputError for a path."""
    folder = settings.runs_dir / checked_name("run", name)
    check_free(folder, resume=resume)
    return folder


def check_method(settings: Settings, method: str, dataset: str, name: str, *, untrained: bool = False) -> Method:
    """Returns the method, if dataset, simulator and what it reads exist: the memory or the policy `name`, or nothing.

    With `untrained` the memory must be empty or missing, so that the method is measured before it learned. Raises
    SettingsError for an unknown method, and DataError, MemoryStoreError or ArtifactError for what is missing.
    """
    chosen = method_named(method)
    check_dataset(settings, dataset)
    if chosen.needs_policy:
        _check_policy(settings, method, dataset, name)
    if chosen.answers:
        _check_lessons(settings, method, dataset, name, untrained=untrained)
    if not chosen.remembers:
        return chosen
    from billp.memory.inventory import counts_of  # noqa: PLC0415 -- as above

    if untrained:
        _check_untrained(settings, dataset, name)
    elif not sum(counts_of(settings, dataset, name).values()):
        raise MemoryStoreError(
            f"Memory {name!r} of {dataset!r} is empty, so {method} has learned nothing; train it with `billp train "
            f"--method {method} --memory {name}`, name another memory, or give --untrained."
        )
    return chosen


def check_play(settings: Settings, method: str, dataset: str, memory: str | None, *, learn: bool) -> None:
    """Checks the arguments of a live episode; `memory` is None for the person's own memory, which may be new.

    Raises SettingsError for a method that cannot serve a person or has nothing to teach, otherwise what `check_method`
    raises.
    """
    chosen = method_named(method)
    if chosen.chooser in ("oracle", "policy"):
        raise SettingsError(f"The method {method} serves simulated users only; choose another --method.")
    if learn and not chosen.remembers:
        raise SettingsError(f"Method {method!r} has no memory to teach; leave out --learn.")
    check_dataset(settings, dataset)
    if chosen.answers:
        _check_lessons(settings, method, dataset, memory or method)
    if memory is not None and chosen.remembers and not learn:
        from billp.memory.inventory import counts_of  # noqa: PLC0415 -- as above

        counts_of(settings, dataset, memory)


def _check_policy(settings: Settings, method: str, dataset: str, name: str) -> None:
    from billp.baselines.rl.policy import RECORD  # noqa: PLC0415 -- as above

    _check_kept(settings, method, dataset, name, RECORD)


def _check_lessons(settings: Settings, method: str, dataset: str, name: str, *, untrained: bool = False) -> None:
    from billp.experiments.runs.recommenders import FILE  # noqa: PLC0415 -- as above

    if untrained:
        raise SettingsError(f"Method {method!r} knows nothing before it learned; evaluate diverse-random instead.")
    _check_kept(settings, method, dataset, name, FILE)


def _check_kept(settings: Settings, method: str, dataset: str, name: str, file: str) -> None:
    from billp.baselines.rl.policy import policy_folder  # noqa: PLC0415 -- as above

    folder = policy_folder(settings.data, dataset, name)
    if not (folder / file).is_file():
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{file}"))
        remedy = f"train it with `billp train --method {method} --dataset {dataset}`"
        raise ArtifactError(there_is_no("trained policy", name, known, where=f"of {dataset!r}", remedy=remedy))


def _check_untrained(settings: Settings, dataset: str, name: str) -> None:
    from billp.memory.inventory import counts_or_none  # noqa: PLC0415 -- as above

    held = sum((counts_or_none(settings, dataset, name) or {}).values())
    if held:
        raise MemoryStoreError(
            f"Memory {name!r} of {dataset!r} holds {held} records, so nothing read from it is untrained; leave out "
            "--untrained, or name another memory."
        )
