"""Describes in words how a log was imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billp.simulators import DatasetInfo, ImportReport

_FEEDBACK = {
    "ratings": "as given",
    "likes": "from liked and not liked: 4 and 2 stars",
    "hours": "from hours played, ranked within each user: 2 to 5 stars",
    "presence": "from presence, as no column tells ratings or hours apart: 4 stars, 5 for a pair that met again",
}
_SEPARATORS = {" ": "spaces", ",": "commas"}


def intake_pairs(intake: ImportReport) -> dict[str, str]:
    """Returns what was read, understood, dropped and drawn, as name and value."""
    pairs = {
        "sources": ", ".join(intake.sources),
        "columns": ", ".join(f"{role.replace('_', ' ')}={name}" for role, name in intake.columns.items()),
    }
    if intake.unused:
        pairs["not used"] = "; ".join(f"{', '.join(names)} of {file}" for file, names in intake.unused.items())
    pairs["ratings"] = _FEEDBACK[intake.feedback]
    if "categories" in intake.columns:
        separator = intake.categories_separated_by
        separated = f"separated by {_SEPARATORS.get(separator or '', separator)}"
        whole = {"lists": "written as lists", None: "one an item: nothing separates them"}
        pairs["categories"] = whole.get(separator, separated)
    pairs |= {f"{file} is": words for file, words in intake.read_as.items()}
    if intake.times is not None:
        pairs["times"] = f"read {intake.times}"
    elif "timestamp" not in intake.columns:
        pairs["times"] = "no column of times: the order of the rows is taken as the order in time"
    pairs |= {
        "rows read": f"{intake.rows:,}",
        "repeated": f"{intake.repeated:,} rows folded into another of the same user and item",
        "dropped": f"{intake.dropped_users:,} users with fewer than {intake.min_user} interactions and "
        f"{intake.dropped_items:,} items with fewer than {intake.min_item}; {intake.dropped_rows:,} rows in all",
    }
    for file, reasons in intake.skipped.items():
        listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        pairs[f"skipped in {file}"] = f"{sum(reasons.values()):,} rows: {listed}"
    if intake.matched_example is not None:
        said, own = intake.matched_example
        pairs["item ids"] = (
            f"{intake.matched_ids:,} rows name items otherwise than the item table (as {said!r} for {own!r}): "
            "leading zeros and a final .0 make no difference"
        )
    if intake.unknown_items:
        pairs["unknown items"] = f"{intake.unknown_items:,} rows passed over"
    if intake.feedback in ("hours", "presence"):
        pairs["negatives"] = f"{intake.negatives:,} sampled with seed {intake.seed} as dislikes"
    return pairs


def category_pairs(info: DatasetInfo) -> dict[str, str]:
    """Returns the number of categories, the most frequent ten, and whether they look wrongly split."""
    if not info.categories:
        return {"categories": "none"}
    often = sorted(info.categories, key=lambda name: -info.categories[name])[:10]
    shown = ", ".join(often) + (", ..." if len(info.categories) > len(often) else "")
    pairs = {"categories found": f"{len(info.categories)}: {shown}"}
    if info.torn_apart is not None:
        pairs["torn apart?"] = f"{info.torn_apart}; if so, say what separates them with --category-separator"
    return pairs
