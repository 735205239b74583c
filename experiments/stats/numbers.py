"""Numbers as text, rounded in one way everywhere: halves away from zero, as browsers do, and never "-0"."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billp.experiments.stats.intervals import Estimate


def fixed(number: float, digits: int) -> str:
    """Returns `number` with so many digits after the point."""
    rounded = Decimal(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{abs(rounded) if rounded.is_zero() else rounded:f}"


def signed(number: float, digits: int) -> str:
    """Returns the same with a plus before positive numbers."""
    text = fixed(number, digits)
    return f"+{text}" if number > 0 and Decimal(text) else text


def with_interval(estimate: Estimate, digits: int) -> str:
    """Returns `mean [low, high]`; a dash and the reason if there is no interval, or no mean."""
    return _with_interval(estimate, digits, sign=False)


def signed_interval(estimate: Estimate, digits: int) -> str:
    """Returns the same, each number with its sign."""
    return _with_interval(estimate, digits, sign=True)


def share_with_interval(estimate: Estimate) -> str:
    """Returns a share in percent with its interval, as in `with_interval`."""
    if estimate.mean is None or estimate.ci95 is None:
        return f"{share(estimate.mean)} [-] ({estimate.note})" if estimate.mean is not None else f"- ({estimate.note})"
    return f"{share(estimate.mean)} [{', '.join(share(end) for end in estimate.ci95)}]"


def share(value: float | None) -> str:
    """Returns a share as a percentage; a dash for None."""
    return "-" if value is None else f"{fixed(100 * value, 0)}%"


def shares(counts: Sequence[int]) -> list[str]:
    """Returns the parts of a whole as percentages that sum to 100%; raises ZeroDivisionError for an empty whole.

    By largest remainders (Hamilton's method); of equal remainders the first is rounded up.
    """
    whole = sum(counts)
    percents, remainders = zip(*(divmod(100 * count, whole) for count in counts), strict=True)
    most = sorted(range(len(counts)), key=lambda position: -remainders[position])[: 100 - sum(percents)]
    return [f"{percent + (position in most)}%" for position, percent in enumerate(percents)]


def _with_interval(estimate: Estimate, digits: int, *, sign: bool) -> str:
    write = signed if sign else fixed
    if estimate.mean is None:
        return f"- ({estimate.note})" if estimate.note else "-"
    mean = write(estimate.mean, digits)
    if estimate.ci95 is None:
        return f"{mean} [-] ({estimate.note})" if estimate.note else f"{mean} [-]"
    return f"{mean} [{', '.join(write(end, digits) for end in estimate.ci95)}]"
