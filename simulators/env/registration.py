"""Registers the simulators as Gymnasium environments: `billp/NAME-v0`.

Gymnasium 1.4 loads no plugins by itself, but imports the module named in front of an id:
`billp.simulators:billp/ml-100k-v0` works in a new process, since importing `billp.simulators` registers the ids of the
data sets that can be fetched by name. This reads nothing: the simulator is looked up when an environment is made. Other
data sets have no id before `register_environments` finds them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import gymnasium

from billp.errors import BadInputError
from billp.settings import QuitRuleName, load_settings
from billp.simulators.data.known import KNOWN
from billp.simulators.env.artifacts import RECORD, list_simulators, load_worlds, simulator_folder
from billp.simulators.env.single import UserEnv
from billp.simulators.env.vector import VectorUserEnv
from billp.simulators.env.world import Split, World, Worlds

VERSION = 0
"""Increases when the same seed and items no longer give the same episode."""


def environment_id(name: str) -> str:
    """Returns the id of the simulator `name` in Gymnasium, which allows no @: a dot replaces it."""
    return f"billp/{name.replace('@', '.')}-v{VERSION}"


def register_known() -> None:
    """Registers the data sets that `billp data fetch` knows, in the settings' data folder; reads nothing."""
    for name in KNOWN:
        _register(name, {"dataset": name})


def register_environments(data_dir: Path | None = None) -> list[str]:
    """Registers every simulator built in `data_dir` (default: that of the settings) and returns the ids.

    Then `gymnasium.make("billp/ml-100k-v0", split="test")` and `gymnasium.make_vec("billp/ml-100k-v0", 1000)` work;
    both take the keywords of `make_env`. A simulator is read when it is made. Registering again changes nothing.
    """
    data_dir = load_settings().data if data_dir is None else data_dir
    folders = [(data_dir / "simulators" / name).resolve() for name in list_simulators(data_dir)]
    return [_register(folder.name, {"folder": str(folder)}) for folder in folders]


def _register(name: str, place: dict[str, str]) -> str:
    id_ = environment_id(name)
    gymnasium.registry.pop(id_, None)  # registering over another warns
    gymnasium.register(
        id_, entry_point=f"{__name__}:make_env", vector_entry_point=f"{__name__}:make_vector_env", kwargs=place
    )
    return id_


def make_env(
    folder: str | None = None,
    *,
    dataset: str | None = None,
    split: Split = "train",
    quit_rule: QuitRuleName | None = None,
    repeats: bool | None = None,
    window: int | None = None,
    horizon: int | None = None,
    render_mode: str | None = None,
) -> UserEnv:
    """Returns a user of the simulator in `folder`, or of the simulator of `dataset` in the settings' data folder.

    With None, quit rule, repeats, window and horizon are those that the simulator was built with.
    """
    return UserEnv(
        _world(_place(folder, dataset), split, horizon, quit_rule=quit_rule, repeats=repeats, window=window),
        render_mode,
    )


def make_vector_env(
    folder: str | None = None,
    num_envs: int = 1,
    *,
    dataset: str | None = None,
    split: Split = "train",
    quit_rule: QuitRuleName | None = None,
    repeats: bool | None = None,
    window: int | None = None,
    horizon: int | None = None,
    action_masks: bool = False,
    render_mode: str | None = None,
) -> VectorUserEnv:
    """Returns `num_envs` users of one simulator, stepped as arrays; the other keywords are those of `make_env`."""
    world = _world(_place(folder, dataset), split, horizon, quit_rule=quit_rule, repeats=repeats, window=window)
    return VectorUserEnv(world, num_envs, action_masks=action_masks, render_mode=render_mode)


def _place(folder: str | None, dataset: str | None) -> str:
    if (folder is None) == (dataset is None):
        raise BadInputError("A simulator is named by its folder or by its data set; give one of the two.")
    return str(simulator_folder(load_settings().data, dataset)) if dataset is not None else str(folder)


def _world(
    folder: str,
    split: Split,
    horizon: int | None,
    *,
    quit_rule: QuitRuleName | None,
    repeats: bool | None,
    window: int | None,
) -> World:
    if split not in ("train", "test"):
        raise BadInputError(f"There is no {split!r} world; take 'train' or 'test'.")
    record = Path(folder) / RECORD
    written = record.stat().st_mtime_ns if record.is_file() else 0  # loading refuses a missing one
    worlds = _worlds(folder, written).quitting_by(quit_rule, repeats, window)
    if horizon is not None:
        worlds = worlds.cut_off(horizon)
    return worlds.train if split == "train" else worlds.test


@lru_cache(maxsize=2)
def _worlds(folder: str, written: int) -> Worlds:
    """Returns the simulator in `folder`, read once for all environments until it is built again."""
    return load_worlds(Path(folder))
