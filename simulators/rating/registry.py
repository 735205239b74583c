"""Every rating model by name: how it is fitted, and how it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from billp.errors import SettingsError
from billp.names import there_is_no
from billp.simulators.data.features import Features
from billp.simulators.rating.base import RatingModel
from billp.simulators.rating.deepfm import DeepFM
from billp.simulators.rating.factorisation import BiasedFactorisation
from billp.simulators.rating.networks import DeepFMNetwork, FactorisationNetwork

PLAIN = "factorisation"
"""The model that is always fitted, for comparison."""


class Network(Protocol):
    """A model during fitting, in torch."""

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Parameters and learning rates, as Adam takes them."""
        ...

    def loss(self, users: Any, items: Any, ratings: Any) -> Any:  # noqa: ANN401 -- tensors; torch loads for seconds
        """Returns the loss: a tensor of one number, for a minibatch of log rows as tensors of shape (n,)."""
        ...

    def model(self) -> RatingModel:
        """Returns the finished model with the parameters as they are."""
        ...


class NetworkKind(Protocol):
    """Makes a network from the features, the length of its vectors, the mean rating, and a generator."""

    def __call__(self, features: Features, factors: int, mean: float, rng: np.random.Generator, /) -> Network:
        """Returns a network before its first step."""
        ...


class StoredModel(RatingModel, Protocol):
    """A model that can be read from its stored arrays."""

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, NDArray[np.generic]]) -> RatingModel:
        """Returns the model of these arrays; raises ValueError if they do not fit it."""
        ...


@dataclass(frozen=True)
class RatingKind:
    """A rating model's entry in the registry; `time` is its part of the time that fitting all models takes."""

    name: str
    network: NetworkKind
    stored: type[StoredModel]
    time: float


RATING_MODELS: dict[str, RatingKind] = {
    kind.name: kind
    for kind in (
        RatingKind(PLAIN, FactorisationNetwork, BiasedFactorisation, 0.15),
        RatingKind("deepfm", DeepFMNetwork, DeepFM, 0.85),
    )
}
"""The models that `simulator.model` may name. To add one, write a module and add an entry here."""


def models_for(asked: str) -> list[RatingKind]:
    """Returns the models to fit for `simulator.model`: all for "auto"; the plain one always, and first.

    Raises SettingsError for an unknown name.
    """
    if asked != "auto" and asked not in RATING_MODELS:
        raise SettingsError(there_is_no("rating model", asked, ["auto", *RATING_MODELS]))
    return [kind for kind in RATING_MODELS.values() if asked == "auto" or kind.name in (PLAIN, asked)]
