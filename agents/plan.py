"""The typed plan: which kinds to aim for, which to avoid, and how long a kind rests before it returns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billp.agents.evidence import Evidence
from billp.agents.overlap import FARTHEST, gap, kinds
from billp.catalogue import Item

_KEPT = 12  # kinds of each sort that a plan names
_DOUBT = 5.0  # ratings' worth of doubt in what a kind is given
_PRIOR_LEFT, _PRIOR_SHOWN = 1.0, 4.0  # a rest nobody tried is as if one of four had left
_REPEATED = 10.0  # stars that a kind which should rest still costs: more than any rating can make good


@dataclass(frozen=True, slots=True)
class Plan:
    """What to recommend in the next steps.

    `aim` and `avoid` map kinds to the stars, more or fewer than usual, that are expected of them. A kind that was
    shown should rest for `rest` steps before it comes again; 0: it need not. It covers the next `steps` steps, unless
    the user answers otherwise before; 0: nobody said.
    """

    aim: Mapping[str, float] = field(default_factory=dict)
    avoid: Mapping[str, float] = field(default_factory=dict)
    rest: int = 0
    steps: int = 0

    def fit(self, candidate: Item, recommended: Sequence[Item]) -> float:
        """How well `candidate` fits after the recommendations so far (oldest first), in stars; 0 is neutral."""
        mine = kinds(candidate)
        # Summed up exactly, since a set has another order in every process, and of equals the first is taken.
        worth = math.fsum(self.aim.get(kind, 0.0) + self.avoid.get(kind, 0.0) for kind in mine) / max(len(mine), 1)
        return worth - (_REPEATED if gap(candidate, recommended) < self.rest else 0.0)

    def words(self) -> str:
        """The plan in a plain sentence; empty where it says nothing."""
        parts = []
        if self.rest:
            parts.append(f"let a kind rest {self.rest} steps")
        if self.aim:
            parts.append(f"aim for {', '.join(list(self.aim)[:3])}")
        if self.avoid:
            parts.append(f"avoid {', '.join(list(self.avoid)[:3])}")
        return "; ".join(parts)


def make_plan(
    evidence: Evidence, named: Mapping[str, float] | None = None, *, caution: float = 1.0, steps: int = 0
) -> Plan:
    """The plan that the evidence speaks for, leaning towards what the Planner's words named.

    `rest` is the one after which the fewest users left, by an upper bound `caution` standard errors above the mean, so
    that a rest hardly tried is not preferred; of equals the shortest. A kind's worth is its mean rating less that of
    all kinds, shrunk by `_DOUBT` ratings, plus what `named` gives it.
    """
    count = sum(number for number, _ in evidence.stars.values())
    usual = sum(total for _, total in evidence.stars.values()) / count if count else 0.0
    worth = {kind: (total - usual * number) / (number + _DOUBT) for kind, (number, total) in evidence.stars.items()}
    for kind, lean in (named or {}).items():
        worth[kind] = worth.get(kind, 0.0) + lean
    ranked = sorted(worth, key=lambda kind: (-worth[kind], kind))
    return Plan(
        aim={kind: round(worth[kind], 4) for kind in ranked[:_KEPT] if worth[kind] > 0},
        avoid={kind: round(worth[kind], 4) for kind in ranked[::-1][:_KEPT] if worth[kind] < 0},
        rest=best_rest(evidence, caution),
        steps=steps,
    )


def best_rest(evidence: Evidence, caution: float) -> int:
    """The shortest rest of those after which the fewest users left, thin evidence counting against it."""
    if not sum(evidence.shown):
        return 0
    bounds = []
    for rest in range(FARTHEST + 1):
        shown = sum(evidence.shown[rest:]) + _PRIOR_SHOWN
        share = (sum(evidence.left[rest:]) + _PRIOR_LEFT) / shown
        bounds.append(share + caution * math.sqrt(share * (1 - share) / shown))
    return min(range(FARTHEST + 1), key=lambda rest: (round(bounds[rest], 9), rest))


def named_kinds(thought: str, known: Sequence[str], lean: float) -> dict[str, float]:
    """Kinds that the Planner's words name: `lean` stars for each, taken off where it stands after "avoid" or "no".

    A comma ends what "avoid" reaches, but not the commas of a list of kinds: all of "avoid Horror, Comedy or War".
    """
    lowered = thought.casefold()
    kind_here = rf"(?:{'|'.join(re.escape(kind.casefold()) for kind in sorted(known, key=len, reverse=True))})"
    # A comma between kinds of a list is written as a space; the list ends where another word than "or" follows a kind.
    listed = re.sub(
        rf"(?<!\w)({kind_here}\s*),(?=\s*(?:(?:or|and)\s+)?{kind_here}\s*(?:$|[.,;:!?]|(?:or|and|but|then)\b))",
        r"\1 ",
        lowered,
    )
    named: dict[str, float] = {}
    for kind in known:
        if match := re.search(rf"(?<!\w){re.escape(kind.casefold())}(?!\w)", lowered):
            part = re.split(r"[.;,]| but | and then ", listed[: match.start()])[-1]
            negated = re.search(r"\b(avoid|no|not|without|less|instead of)\b", part) is not None
            named[kind] = -lean if negated else lean
    return named
