"""Methods of your own, to run beside those that are built in."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Observations, Recommender
from billp.baselines.rivals.registry import RIVALS
from billp.baselines.rivals.rival import Material, RatedEpisode
from billp.errors import BadInputError, BillpError
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

    A name can be used again, for a new version. Raises BadInputError for the name of a method that is built in. Where
    your code fails, the run ends with a BadInputError that names the line; it goes on from there with `resume`.
    """
    if not isinstance(name, str) or not callable(make):
        raise BadInputError("A method has a name and something that makes it; write add_method('name', Class).")
    if checked_name("method", name) in _BUILT_IN:
        raise BadInputError(f"The method {name!r} is built in; choose another name for yours.")
    METHODS[name] = Method(name, chooser="rival", answers=learns, uses_logs=uses_logs)
    RIVALS[name] = lambda material: _made(name, make, material, learns=learns)


def _made(name: str, make: Callable[[Material], Any], material: Material, *, learns: bool) -> _Own:
    with _outside(name, getattr(make, "__name__", "make")):
        made = make(material)
    return _Own(name, made, learns=learns)


@contextmanager
def _outside(name: str, part: str) -> Iterator[None]:
    """Raises BadInputError, naming the line, for whatever goes wrong in `part` of a method from outside."""
    try:
        yield
    except BillpError:
        raise
    except (Exception, SystemExit) as error:
        said = " ".join(traceback.format_exception_only(error)[-1].split())
        raise BadInputError(
            f"Method {name!r} failed in {part} ({_line(error)}{said}); mend it, and go on with resume=True."
        ) from error


def _line(error: BaseException) -> str:
    """Returns the last line that ran in the file where the foreign code was entered."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    last = next((frame for frame in reversed(frames) if frame.filename == frames[0].filename), None)
    return "" if last is None else f"{Path(last.filename).name} line {last.lineno}: "


class _Own:
    """The rival that an object from outside is."""

    def __init__(self, name: str, made: Any, *, learns: bool) -> None:  # noqa: ANN401 -- it is checked here
        for needed in ("recommender", "learn") if learns else ("choose",):
            if not callable(getattr(made, needed, None)):
                raise BadInputError(f"Method {name!r} has no {needed}(); add it, as help(billp.add_method) says.")
        self._name, self._made, self._learns = name, made, learns

    @property
    def chosen(self) -> Mapping[str, float]:
        with _outside(self._name, "chosen"):
            chosen = dict(getattr(self._made, "chosen", {}))
        plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in chosen.items()}
        for key, value in plain.items():
            if not isinstance(key, str) or not isinstance(value, int | float) or not isfinite(value):
                raise BadInputError(
                    f"Method {self._name!r} has {key!r}: {value!r} in `chosen`; put finite numbers there, by name."
                )
        return plain

    def recommender(self, *, explore: bool) -> Recommender:
        if not self._learns:
            return _Checked(self._name, self._made)
        with _outside(self._name, "recommender()"):
            made = self._made.recommender(explore=explore)
        if not callable(getattr(made, "choose", None)):
            raise BadInputError(f"Method {self._name!r} returned {made!r:.80} from recommender(); it needs choose().")
        return _Checked(self._name, made)

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        if self._learns:
            with _outside(self._name, "learn()"):
                self._made.learn(lessons)


@dataclass(frozen=True)
class _Checked:
    """A recommender whose choices are refused unless they are items that may be recommended."""

    name: str
    inner: Recommender

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        with _outside(self.name, "choose()"):
            items = np.asarray(self.inner.choose(_only_read(seen)))
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


def _only_read(seen: Observations) -> Observations:
    """Returns what is known of the users so that nothing of it can be written, since it is what choices are held to."""
    views = {name: getattr(seen, name).view() for name in ("shown", "rewards", "steps", "masked", "seeds")}
    for view in views.values():
        view.flags.writeable = False
    return replace(seen, histories=tuple(tuple(history) for history in seen.histories), **views)
