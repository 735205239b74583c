"""What an LLM knows of a catalogue's items: asks it, and compares its answers with train users' ratings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from billp.agents.roles.appraiser import Appraiser
from billp.catalogue import Catalogue
from billp.errors import BillpError
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.numbers import signed_interval
from billp.graphs.dependencies import Dependencies
from billp.graphs.item_knowledge import ask_about, open_items
from billp.graphs.resources import Resources
from billp.memory import Knowledge
from billp.memory.item_values import Observed

Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]

_RATED, _COMPARED = 20, 12  # least ratings of a compared item; least items for a correlation
_TOP = 0.1  # share of the compared items that count as favourites
_NAMED = 5
_Z95 = 1.96


class Known(BaseModel):
    """What a model knows of the items of a dataset, judged by the train users' ratings of often rated ones."""

    model_config = ConfigDict(frozen=True)

    model: str
    items: int
    asked: int
    """Items that it said something about."""
    compared: int
    """The asked items with at least 20 ratings by train users."""
    correlation: Estimate
    """Correlation of its answers with the mean ratings of those items."""
    gain: Estimate
    """By how many stars its favourites among them, the top tenth, are rated above all of them."""
    favourites: list[str]

    def sentence(self) -> str:
        """Returns the numbers as one sentence."""
        if self.correlation.ci95 is None or self.gain.ci95 is None:
            return f"asked about {self.asked} of {self.items} items"
        return (
            f"asked about {self.asked} of {self.items} items; its answers correlate by "
            f"{signed_interval(self.correlation, 2)} with the ratings of {self.compared} often rated ones, and its "
            f"favourites among these are rated {signed_interval(self.gain, 2)} stars above all"
        )

    def pairs(self) -> dict[str, str]:
        """Returns name and value of each number, for people to read."""
        return {
            "model": self.model,
            "items asked about": f"{self.asked} of {self.items}",
            "correlation with ratings": _told(self.correlation, f"{self.compared} items with {_RATED} ratings or more"),
            "its favourites earn": _told(self.gain, "stars above the mean of those items"),
        }


async def build_knowledge(resources: Resources, deps: Dependencies, bar: Bar) -> None:
    """Asks about every item without an answer; raises the first error of `ask_about`."""
    file, settings = resources.knowledge.file(deps.pack), resources.settings
    items = open_items(deps, file.read())
    appraiser = Appraiser(resources.model, deps.pack["item"])
    with bar("asking about items", len(items)) as advance:
        try:
            await ask_about(appraiser, items, file, at_once=settings.run.side_by_side, on_answer=advance)
        except* (BillpError, OSError) as group:
            raise group.exceptions[0] from None


def known(knowledge: Knowledge, logs: Observed, catalogue: Catalogue, model: str) -> Known:
    """Returns what `model` knows of the items, measured against the train users' `logs`."""
    column = knowledge.column
    said = np.full(len(catalogue), np.nan) if column is None else column[:, 0]
    compared = np.flatnonzero(np.isfinite(said) & (logs.counts >= _RATED))
    ordered = compared[np.argsort(-said[compared], kind="stable")]
    favourites = ordered[: max(1, round(_TOP * len(ordered)))]
    return Known(
        model=model,
        items=len(catalogue),
        asked=knowledge.asked,
        compared=len(compared),
        correlation=correlation_of(said[compared], logs.means[compared]),
        gain=_above(logs.means[favourites], logs.means[compared]),
        favourites=[item.title for item in catalogue.some(favourites[:_NAMED].tolist())],
    )


def known_by(resources: Resources, deps: Dependencies) -> Known:
    """Returns what the model of `resources` knows of the items of `deps`."""
    return known(deps.belief_model.knowledge, deps.belief_model.logs, deps.catalogue, resources.model_name)


def correlation_of(one: NDArray[np.float64], other: NDArray[np.float64]) -> Estimate:
    """Returns Pearson's correlation with Fisher's 95% interval; none for too few or equal numbers."""
    if len(one) < _COMPARED or np.ptp(one) == 0 or np.ptp(other) == 0:
        return Estimate(mean=None, ci95=None, note=f"fewer than {_COMPARED} items to compare")
    found = float(np.clip(np.corrcoef(one, other)[0, 1], -0.9999, 0.9999))
    middle, wide = np.arctanh(found), _Z95 / np.sqrt(len(one) - 3)
    return Estimate(mean=found, ci95=(float(np.tanh(middle - wide)), float(np.tanh(middle + wide))))


def _above(favourites: NDArray[np.float64], compared: NDArray[np.float64]) -> Estimate:
    """Returns how much the mean of `favourites` exceeds that of all compared, with its 95% interval."""
    if len(compared) < _COMPARED or len(favourites) < 2:
        return Estimate(mean=None, ci95=None, note=f"fewer than {_COMPARED} items to compare")
    found = float(favourites.mean() - compared.mean())
    wide = _Z95 * float(np.sqrt(favourites.var(ddof=1) / len(favourites) + compared.var(ddof=1) / len(compared)))
    return Estimate(mean=found, ci95=(found - wide, found + wide))


def _told(estimate: Estimate, of: str) -> str:
    return f"- ({estimate.note})" if estimate.ci95 is None else f"{signed_interval(estimate, 2)}, {of}"
