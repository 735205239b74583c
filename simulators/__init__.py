"""Simulated users: reads data sets, fits worlds to them, and provides environments that answer recommendations.

Importing this package registers ids for `gymnasium.make("billp.simulators:billp/ml-100k-v0")` and reads no file.
"""

from billp.simulators.data.dataset import Dataset
from billp.simulators.data.fetching import fetch_known
from billp.simulators.data.import_report import FEWEST, ColumnSpec, ImportReport, Rules
from billp.simulators.data.importers.text_table import TextForm
from billp.simulators.data.known import KNOWN, KnownDataset
from billp.simulators.data.mapping import ColumnMapping
from billp.simulators.data.registry import add_folder, add_tables, base_name, list_datasets, load_dataset, read_intake
from billp.simulators.env.artifacts import (
    list_simulators,
    load_worlds,
    made_and_saved,
    remove_dataset,
    remove_simulator,
    save_worlds,
    simulator_folder,
)
from billp.simulators.env.building import build_halves, build_worlds
from billp.simulators.env.episode_arrays import Episodes
from billp.simulators.env.oracle import Oracle
from billp.simulators.env.registration import environment_id, register_environments, register_known
from billp.simulators.env.single import Observation, UserEnv
from billp.simulators.env.step import StepResult, respond
from billp.simulators.env.vector import VectorUserEnv
from billp.simulators.env.world import World, Worlds, users_of
from billp.simulators.rating.soundness import concerns
from billp.simulators.summary import DatasetInfo, WorldInfo, WorldsInfo, dataset_info, world_info

__all__ = [
    "FEWEST",
    "KNOWN",
    "ColumnMapping",
    "ColumnSpec",
    "Dataset",
    "DatasetInfo",
    "Episodes",
    "ImportReport",
    "KnownDataset",
    "Observation",
    "Oracle",
    "Rules",
    "StepResult",
    "TextForm",
    "UserEnv",
    "VectorUserEnv",
    "World",
    "WorldInfo",
    "Worlds",
    "WorldsInfo",
    "add_folder",
    "add_tables",
    "base_name",
    "build_halves",
    "build_worlds",
    "concerns",
    "dataset_info",
    "environment_id",
    "fetch_known",
    "list_datasets",
    "list_simulators",
    "load_dataset",
    "load_worlds",
    "made_and_saved",
    "read_intake",
    "register_environments",
    "remove_dataset",
    "remove_simulator",
    "respond",
    "save_worlds",
    "simulator_folder",
    "users_of",
    "world_info",
]

register_known()
