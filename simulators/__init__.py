"""Simulated users: data sets in, worlds fitted to them, and an environment that answers a recommendation.

Importing this package registers ids for `gymnasium.make("billp.simulators:billp/ml-100k-v0")` and reads nothing.
"""

from billp.simulators.artifacts import load_worlds, made_and_saved, save_worlds, simulator_folder
from billp.simulators.building import build_halves, build_worlds
from billp.simulators.datasets import Dataset
from billp.simulators.environment import Observation, UserEnv
from billp.simulators.episodes import Episodes
from billp.simulators.fetching import fetch_known
from billp.simulators.importers.text_table import TextForm
from billp.simulators.intake import FEWEST, Columns, Intake, Rules
from billp.simulators.known import KNOWN, KnownDataset
from billp.simulators.library import add_folder, add_tables, base_name, list_datasets, load_dataset, read_intake
from billp.simulators.mapping import ColumnMapping
from billp.simulators.oracle import Oracle
from billp.simulators.registration import environment_id, register_environments, register_known
from billp.simulators.removal import list_simulators, remove_dataset, remove_simulator
from billp.simulators.responses import Answer, respond
from billp.simulators.soundness import concerns
from billp.simulators.summaries import DatasetInfo, WorldInfo, WorldsInfo, dataset_info, world_info
from billp.simulators.vector_environment import VectorUserEnv
from billp.simulators.worlds import World, Worlds, users_of

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
