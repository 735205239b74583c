"""Simulated users: data sets in, worlds fitted to them, and an environment that answers a recommendation."""

from simulators.artifacts import load_worlds, save_worlds, simulator_folder
from simulators.datasets import Dataset
from simulators.environment import Observation, UserEnv
from simulators.intake import FEWEST, Columns, Intake, Rules
from simulators.library import add_folder, add_tables, list_datasets, load_dataset, read_intake
from simulators.mapping import ColumnMapping
from simulators.movielens import fetch_ml_100k
from simulators.responses import Answer, respond
from simulators.summaries import DatasetInfo, WorldInfo, WorldsInfo, dataset_info, world_info
from simulators.worlds import World, Worlds, build_worlds, users_of

__all__ = [
    "FEWEST",
    "Answer",
    "ColumnMapping",
    "Columns",
    "Dataset",
    "DatasetInfo",
    "Intake",
    "Observation",
    "Rules",
    "UserEnv",
    "World",
    "WorldInfo",
    "Worlds",
    "WorldsInfo",
    "add_folder",
    "add_tables",
    "build_worlds",
    "dataset_info",
    "fetch_ml_100k",
    "list_datasets",
    "load_dataset",
    "load_worlds",
    "read_intake",
    "respond",
    "save_worlds",
    "simulator_folder",
    "users_of",
    "world_info",
]
