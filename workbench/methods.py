"""Methods of your own, to run beside those that are built in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Observations, Recommender
from billp.baselines.rivals.registry import RIVALS
from billp.baselines.rivals.rival import Material, RatedEpisode
from billp.errors import BadInputError
from billp.graphs.methods import METHODS, Method
from billp.names import checked_name

_BUILT_IN = frozenset(METHODS)


def add_method(name: str, make: Callable[[Material], Any], *, learns: bool = False, uses_logs: bool = False) -> None:
    """Adds a method, so that `compare`, `evaluate` and `train` know it by its name until the process ends.

    `make` gets what a method may be made from, and returns an object with `choose(seen: Observations)`, which returns
    the index of one item for each user: integers, shape (n,). With `learns` it returns an object with
    `recommender(explore=...)`, which returns such an object, and `learn(episodes: Sequence[RatedEpisode])`, which is
    called with the finished training episodes of each batch. It may have an attribute `chosen`, its parameters by name,
    which are stored with the run and must be the same to resume it. Draw by chance from `Observations.seeds` alone, so
    that a run can be repeated. Say `uses_logs` if it reads `Material.dataset` or `Material.means`; tables mark it.

    A name can be used again, for a new version. Raises BadInputError for the name of a method that is built in.
    """
    if checked_name("method", name) in _BUILT_IN:
        raise BadInputError(f"The method {name!r} is built in; choose another name for yours.")
    METHODS[name] = Method(name, chooser="rival", answers=learns, uses_logs=uses_logs)
    RIVALS[name] = lambda material: _Own(name, make(material), learns=learns)


class _Own:
    """The rival that an object from outside is."""

    def __init__(self, name: str, made: Any, *, learns: bool) -> None:  # noqa: ANN401 -- it is checked here
        for needed in ("recommender", "learn") if learns else ("choose",):
            if not callable(getattr(made, needed, None)):
                raise BadInputError(f"Method {name!r} has no {needed}(); add it, as help(billp.add_method) says.")
        self._name, self._made, self._learns = name, made, learns

    @property
    def chosen(self) -> Mapping[str, float]:
        chosen: Mapping[str, float] = getattr(self._made, "chosen", {})
        return chosen

    def recommender(self, *, explore: bool) -> Recommender:
        return _Checked(self._name, self._made.recommender(explore=explore) if self._learns else self._made)

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        if self._learns:
            self._made.learn(lessons)


@dataclass(frozen=True)
class _Checked:
    """A recommender whose choices are refused unless they are items that may be recommended."""

    name: str
    inner: Recommender

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        items = np.asarray(self.inner.choose(seen))
        if items.shape != (len(seen),) or items.dtype.kind not in "iu":
            raise BadInputError(
                f"Method {self.name!r} chose {items.dtype} of shape {items.shape}; return integers of shape "
                f"({len(seen)},), an item for each user."
            )
        free = (items >= 0) & (items < seen.masked.shape[1])
        free[free] = ~seen.masked[free, items[free]]
        if not free.all():
            raise BadInputError(
                f"Method {self.name!r} chose item {items[~free][0]}, which may not be recommended; leave out the items "
                "that are True in Observations.masked."
            )
        return items.astype(np.int64)
