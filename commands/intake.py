"""How a log was taken in, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators import Intake

_FEEDBACK = {
    "ratings": "as given",
    "hours": "from hours played, ranked within each user: 2 to 5 stars",
    "presence": "from presence, as there is no column of ratings or hours: 4 stars, 5 for a pair that met again",
}
_SEPARATORS = {" ": "spaces", ",": "commas", None: "nothing"}


def intake_pairs(intake: Intake) -> dict[str, str]:
    """What was read, understood, dropped and drawn, as name and value."""
    pairs = {
        "sources": ", ".join(intake.sources),
        "columns": ", ".join(f"{role.replace('_', ' ')}={name}" for role, name in intake.columns.items()),
        "ratings": _FEEDBACK[intake.feedback],
    }
    if "categories" in intake.columns:
        separator = intake.categories_separated_by
        pairs["categories"] = f"separated by {_SEPARATORS.get(separator, separator)}"
    pairs |= {
        "rows read": f"{intake.rows}",
        "repeated": f"{intake.repeated} rows folded into another of the same user and item",
        "dropped": f"{intake.dropped_users} users and {intake.dropped_items} items with fewer than {intake.min_user} "
        f"and {intake.min_item} interactions, with {intake.dropped_rows} rows",
    }
    if intake.unknown_items:
        pairs["unknown items"] = f"{intake.unknown_items} rows passed over"
    if intake.feedback != "ratings":
        pairs["negatives"] = f"{intake.negatives} sampled with seed {intake.seed}, for fitting only"
    return pairs
