"""The typed plan: which categories to aim for, which to avoid, and how long a category waits before it returns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billp.agents.evidence import Evidence
from billp.agents.overlap import FARTHEST, categories_of, steps_since_category
from billp.catalogue import Item

_KEPT = 12  # categories to aim for, and as many to avoid, that a plan names
_DOUBT = 5.0  # ratings by which a category's mean is shrunk towards the mean of all
_PRIOR_LEFT, _PRIOR_SHOWN = 1.0, 4.0  # an untried cooldown counts as if one user of four had left
_REPEAT_PENALTY = 10.0  # stars that a category costs within its cooldown: more than any rating can make good


@dataclass(frozen=True, slots=True)
class Plan:
    """What to recommend in the next steps.

    `aim` and `avoid` map categories to the stars, more or fewer than usual, that are expected of them. A category that
    was shown waits for `cooldown` steps before it comes again (0: it need not wait). The plan covers the next `steps`
    steps, unless the user's answers change it before (0: not known).
    """

    aim: Mapping[str, float] = field(default_factory=dict)
    avoid: Mapping[str, float] = field(default_factory=dict)
    cooldown: int = 0
    steps: int = 0

    def fit(self, candidate: Item, recommended: Sequence[Item]) -> float:
        """Returns how well `candidate` fits after the recommendations so far (oldest first), in stars; 0 is neutral."""
        own = categories_of(candidate)
        # An exact sum: a set's order differs between processes, and among equal candidates the first is taken.
        worth = math.fsum(self.aim.get(category, 0.0) + self.avoid.get(category, 0.0) for category in own) / max(
            len(own), 1
        )
        return worth - (_REPEAT_PENALTY if steps_since_category(candidate, recommended) < self.cooldown else 0.0)

    def words(self) -> str:
        """Returns the plan as a sentence for a prompt; empty where it says nothing."""
        parts = []
        if self.cooldown:
            parts.append(f"let a kind rest {self.cooldown} steps")
        if self.aim:
            parts.append(f"aim for {', '.join(list(self.aim)[:3])}")
        if self.avoid:
            parts.append(f"avoid {', '.join(list(self.avoid)[:3])}")
        return "; ".join(parts)


def make_plan(
    evidence: Evidence, named: Mapping[str, float] | None = None, *, caution: float = 1.0, steps: int = 0
) -> Plan:
    """Returns the plan that follows from the evidence and from the categories that the Planner `named`, in stars.

    The cooldown is the one after which the fewest users left, by an upper bound `caution` standard errors above the
    mean, so that one hardly tried is not preferred; among equals it is the shortest. The worth of a category is its
    mean rating less that of all categories, shrunk by `_DOUBT` ratings, plus what `named` gives it.
    """
    count = sum(number for number, _ in evidence.stars.values())
    usual = sum(total for _, total in evidence.stars.values()) / count if count else 0.0
    worth = {
        category: (total - usual * number) / (number + _DOUBT) for category, (number, total) in evidence.stars.items()
    }
    for category, weight in (named or {}).items():
        worth[category] = worth.get(category, 0.0) + weight
    ranked = sorted(worth, key=lambda category: (-worth[category], category))
    return Plan(
        aim={category: round(worth[category], 4) for category in ranked[:_KEPT] if worth[category] > 0},
        avoid={category: round(worth[category], 4) for category in ranked[::-1][:_KEPT] if worth[category] < 0},
        cooldown=best_cooldown(evidence, caution),
        steps=steps,
    )


def best_cooldown(evidence: Evidence, caution: float) -> int:
    """Returns the shortest cooldown of those after which the fewest users left; little evidence counts against one."""
    if not sum(evidence.shown):
        return 0
    bounds = []
    for cooldown in range(FARTHEST + 1):
        shown = sum(evidence.shown[cooldown:]) + _PRIOR_SHOWN
        share = (sum(evidence.left[cooldown:]) + _PRIOR_LEFT) / shown
        bounds.append(share + caution * math.sqrt(share * (1 - share) / shown))
    return min(range(FARTHEST + 1), key=lambda cooldown: (round(bounds[cooldown], 9), cooldown))


def named_categories(thought: str, known: Sequence[str], weight: float) -> dict[str, float]:
    """Returns the `known` categories that a thought names, each with `weight` stars, negative after "avoid" or "no".

    A comma ends the reach of "avoid", except within a list of categories: "avoid Horror, Comedy or War" avoids three.
    """
    lowered = thought.casefold()
    one_category = (
        rf"(?:{'|'.join(re.escape(category.casefold()) for category in sorted(known, key=len, reverse=True))})"
    )
    # Commas between listed categories become spaces; a list ends where a word other than "or" follows a category.
    listed = re.sub(
        rf"(?<!\w)({one_category}\s*),(?=\s*(?:(?:or|and)\s+)?{one_category}\s*(?:$|[.,;:!?]|(?:or|and|but|then)\b))",
        r"\1 ",
        lowered,
    )
    named: dict[str, float] = {}
    for category in known:
        if match := re.search(rf"(?<!\w){re.escape(category.casefold())}(?!\w)", lowered):
            part = re.split(r"[.;,]| but | and then ", listed[: match.start()])[-1]
            negated = re.search(r"\b(avoid|no|not|without|less|instead of)\b", part) is not None
            named[category] = -weight if negated else weight
    return named
