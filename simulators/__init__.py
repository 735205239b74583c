"""Simulated users: data sets in, worlds fitted to them, and an environment that answers a recommendation.

Importing this package registers ids for `gymnasium.make("simulators:billp/ml-100k-v0")` and reads nothing.
"""

from simulators.artifacts import load_worlds, save_worlds, simulator_folder
from simulators.building import build_halves, build_worlds
from simulators.datasets import Dataset
from simulators.environment import Observation, UserEnv
from simulators.episodes import Episodes
from simulators.fetching import fetch_known
from simulators.importers.text_table import TextForm
from simulators.intake import FEWEST, Columns, Intake, Rules
from simulators.known import KNOWN, KnownDataset
from simulators.library import add_folder, add_tables, base_name, list_datasets, load_dataset, read_intake
from simulators.mapping import ColumnMapping
from simulators.oracle import Oracle
from simulators.registration import environment_id, register_environments, register_known
from simulators.responses import Answer, respond
from simulators.soundness import concerns
from simulators.summaries import DatasetInfo, WorldInfo, WorldsInfo, dataset_info, world_info
from simulators.vector_environment import VectorUserEnv
from simulators.worlds import World, Worlds, users_of

__all__ = [
    "FEWEST",
    "KNOWN",
    "Answer",
    "ColumnMapping",
    "Columns",
    "Dataset",
    "DatasetInfo",
    "Episodes",
    "Intake",
    "KnownDataset",
    "Observation",
    "Oracle",
    "Rules",
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
    "load_dataset",
    "load_worlds",
    "read_intake",
    "register_environments",
    "respond",
    "save_worlds",
    "simulator_folder",
    "users_of",
    "world_info",
]

register_known()
