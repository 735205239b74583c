"""Every method's hyperparameters: one TOML file each, read into a typed object."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from billp.errors import SettingsError
from billp.validation import fault

FOLDER = Path(__file__).with_name("hyperparameters")


class Hyperparameters(BaseModel):
    """The hyperparameters of all methods. Rewards are learned in fifths of the star scale (1 is five stars)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tracker: Literal["average", "gru"]
    recent: int = Field(ge=1, description="newest items that the tracker looks at")
    items: Literal["own", "categories"] = Field(
        description="an item's vector: one of its own plus its categories', or its categories' alone"
    )
    size: int = Field(ge=1, description="length of an item vector")
    hidden: int = Field(ge=1, description="width of the hidden layer between state and scores")
    learning_rate: float = Field(gt=0)
    discount: float = Field(ge=0, le=1, description="gamma")
    batch: int = Field(ge=1, description="transitions of one gradient step")
    epochs: int = Field(ge=1, description="points of the curve; a checkpoint is written after each")
    choice: Literal["best", "draw"] = Field(description="the best item, or one drawn from the softmax of the scores")


class OnlineHyperparameters(Hyperparameters):
    """Learning from simulated users: `epochs` x `rounds` x `steps` x `users` recommendations."""

    users: int = Field(ge=1, description="users stepped side by side")
    steps: int = Field(ge=1, description="recommendations to each of them between two updates")
    rounds: int = Field(ge=1, description="updates an epoch; episodes begin anew with every epoch")


class QHyperparameters(OnlineHyperparameters):
    """DQN."""

    replay: int = Field(ge=1, description="transitions remembered")
    updates: int = Field(ge=1, description="gradient steps a round")
    target_every: int = Field(ge=1, description="gradient steps between two copies to the target network")
    explore_first: float = Field(ge=0, le=1, description="share of random items in the first epoch")
    explore_last: float = Field(ge=0, le=1, description="and from epoch `explore_epochs` on; linear in between")
    explore_epochs: int = Field(ge=1)


class ActorCriticHyperparameters(OnlineHyperparameters):
    """A2C and PPO."""

    repeats: int = Field(ge=1, description="passes over what a round brought")
    entropy: float = Field(ge=0, description="weight of the policy's entropy")
    value: float = Field(ge=0, description="weight of the value's error")
    trace: float = Field(ge=0, le=1, description="lambda of the generalised advantage estimate")
    gradient: float = Field(gt=0, description="longest gradient")
    clip: float = Field(gt=0, description="PPO: how far a probability's ratio may move; A2C has no use for it")


class DORLHyperparameters(ActorCriticHyperparameters):
    """DORL: A2C in a world model made of the logs."""

    models: int = Field(ge=2, description="rating models in the ensemble")
    pessimism: float = Field(ge=0, description="weight of their disagreement, in stars (lambda_1)")
    spread: float = Field(ge=0, description="weight of the logs' entropy after an item, in stars (lambda_2)")
    length: int = Field(ge=1, description="steps of an episode in the world model")


class OfflineHyperparameters(Hyperparameters):
    """Learning from logs: `epochs` x `updates` gradient steps."""

    updates: int = Field(ge=1, description="gradient steps an epoch")
    target_every: int = Field(ge=1, description="gradient steps between two copies to the target network")


class BCQHyperparameters(OfflineHyperparameters):
    """DiscreteBCQ."""

    unlikely: float = Field(ge=0, lt=1, description="items less likely than this share of the likeliest are left out")


class CQLHyperparameters(OfflineHyperparameters):
    """DiscreteCQL."""

    quantiles: int = Field(ge=2, description="quantiles of the value's distribution")
    conservatism: float = Field(ge=0, description="weight of the conservative loss")


class CRRHyperparameters(OfflineHyperparameters):
    """DiscreteCRR."""

    temperature: float = Field(gt=0, description="beta: how sharply advantages weigh what was logged")
    conservatism: float = Field(ge=0, description="weight of the conservative loss")


_KINDS: Mapping[str, type[Hyperparameters]] = {
    "dqn": QHyperparameters,
    "a2c": ActorCriticHyperparameters,
    "ppo": ActorCriticHyperparameters,
    "dorl": DORLHyperparameters,
    "bcq": BCQHyperparameters,
    "cql": CQLHyperparameters,
    "crr": CRRHyperparameters,
    "sqn": OfflineHyperparameters,
}


class SearchSpace(BaseModel):
    """The values that a search tries (see `policy_tuning`): the table [search] of a method's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1, description="of each candidate, whatever the method's own budget is")
    values: dict[str, list[int | float | str]]


_SEARCH = "search"


def hyperparameters_of(method: str, epochs: int | None = None) -> Hyperparameters:
    """Returns those in the method's file; `epochs` replaces the file's own if given.

    Raises SettingsError if the file cannot be used.
    """
    with _naming_the_file(method):
        found = {name: value for name, value in _file_of(method).items() if name != _SEARCH}
        return read_hyperparameters(method, found if epochs is None else {**found, "epochs": epochs})


def search_space_of(method: str) -> SearchSpace:
    """Returns what the method's file offers for a search; raises SettingsError if it cannot be tried."""
    base = hyperparameters_of(method).model_dump()
    with _naming_the_file(method):
        space = SearchSpace.model_validate(_file_of(method).get(_SEARCH, {}))
        for name, values in space.values.items():
            for value in values:
                read_hyperparameters(method, {**base, name: value})
    return space


def read_hyperparameters(method: str, plain: Mapping[str, object]) -> Hyperparameters:
    """Returns the typed form of plain values; raises pydantic.ValidationError."""
    return _KINDS[method].model_validate(plain)


@contextmanager
def _naming_the_file(method: str) -> Iterator[None]:
    path = FOLDER / f"{method}.toml"
    try:
        yield
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} cannot be read ({error}); mend it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {place}{fault(first)}; correct it.") from error


def _file_of(method: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{method}.toml").read_text(encoding="utf-8"))
