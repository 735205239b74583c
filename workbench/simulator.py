"""The simulated users of a dataset."""

from __future__ import annotations

from typing import Any

import gymnasium

from billp.settings import Settings, load_settings
from billp.simulators import (
    Dataset,
    UserEnv,
    VectorUserEnv,
    Worlds,
    WorldsInfo,
    build_worlds,
    environment_id,
    fetch_known,
    list_datasets,
    load_dataset,
    load_worlds,
    made_and_saved,
    register_environments,
    simulator_folder,
    world_info,
)
from billp.simulators.data.known import KNOWN
from billp.simulators.env.artifacts import RECORD
from billp.workbench.runs import Changes


class Simulator:
    """The simulator of `dataset`: the dataset is fetched if its name is known, the simulator built if missing.

    `settings` override those of the environment and of billp.toml, such as `{"simulator.seed": 1}`; an existing
    simulator is kept, unless `rebuild`.
    """

    def __init__(self, dataset: str = "ml-100k", *, settings: Changes | None = None, rebuild: bool = False) -> None:
        self.name = dataset
        self.settings: Settings = load_settings(settings or {})
        data = self.settings.data
        if dataset in KNOWN and dataset not in list_datasets(data):
            fetch_known(data, dataset)
        self.dataset: Dataset = load_dataset(data, dataset)
        folder = simulator_folder(data, dataset)
        if rebuild or not (folder / RECORD).is_file():
            made_and_saved(folder, lambda: build_worlds(self.dataset, self.settings.simulator))
        self.worlds: Worlds = load_worlds(folder, self.dataset)

    def info(self) -> WorldsInfo:
        """Returns errors of the rating models, and how long simple policies keep their users."""
        run = self.settings.run
        return world_info(self.worlds.quitting_by(run.quit_rule, run.repeats, run.window), self.dataset)

    def environment(self, **options: Any) -> UserEnv:
        """Returns one user as a Gymnasium environment; options such as `split="train"`, `quit_rule="patience"`."""
        register_environments(self.settings.data)
        made = gymnasium.make(environment_id(self.name), **options).unwrapped
        assert isinstance(made, UserEnv)  # noqa: S101 -- what is registered under the id
        return made

    def environments(self, count: int, **options: Any) -> VectorUserEnv:
        """Returns `count` users at once, vectorised."""
        register_environments(self.settings.data)
        made = gymnasium.make_vec(environment_id(self.name), num_envs=count, **options)
        assert isinstance(made, VectorUserEnv)  # noqa: S101 -- what is registered under the id
        return made
