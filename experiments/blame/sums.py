"""What stood behind memory's sums: the experiences of the relation chosen, and the items like the one chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalogue import Catalogue
from experiments.blame.parts import Example, ItemBehind, RelationBehind
from experiments.run_step import Step
from memory import Ledger, Receipts
from memory.outcomes import Outcome
from memory.receipts import item_key, relation_key
from memory.records import FieldValue


def relation_behind(
    outcomes: Sequence[Outcome],
    fields: Mapping[str, Mapping[str, FieldValue]],
    ledger: Ledger,
    receipts: Receipts,
    *,
    step: Step,
    most: int,
) -> RelationBehind:
    """The experiences of the relation that was chosen, at most `most` of them by name."""
    name = step.record["relation"]
    stars = dict(zip(outcomes, ledger.staying_parts(name, outcomes), strict=True))
    left = {outcome: _left(outcome.id, receipts) for outcome in outcomes}
    telling = sorted(outcomes, key=lambda outcome: (-abs(stars[outcome]), outcome.id))[:most]
    return RelationBehind(
        relation=name,
        experiences=len(outcomes),
        left=sum(gone is True for gone in left.values()),
        caution=round(caution_of(step) * ledger.doubt(name), 4),
        receipt=receipts.of(relation_key(name)),
        examples=[
            Example(
                id=outcome.id, title=str(fields[outcome.id]["item_title"]), reward=outcome.reward,
                stars=round(stars[outcome], 4), left=left[outcome],
            )
            for outcome in telling
        ],
    )  # fmt: skip


def items_behind(
    parts: Mapping[int, tuple[int, float, float]], catalogue: Catalogue, receipts: Receipts, most: int
) -> list[ItemBehind]:
    """At most `most` of the items that moved the liking, by the `parts` of `Ledger.liking_parts`."""
    telling = sorted(parts, key=lambda item: (-abs(parts[item][2]), item))[:most]
    return [
        ItemBehind(
            item=item, title=catalogue[item].title, experiences=parts[item][0], reward=round(parts[item][1], 4),
            stars=round(parts[item][2], 4), receipt=receipts.of(item_key(item)),
        )
        for item in telling
    ]  # fmt: skip


def caution_of(step: Step) -> float:
    """While it learns, nothing is taken off for thin evidence; nor was it before there was such a setting."""
    return 0.0 if step.learning else float(step.settings.get("actor", {}).get("caution", 0.0))


def _left(id_: str, receipts: Receipts) -> bool | None:
    """Whether the user left over the step that taught this; None where that episode's end is not known."""
    _, run, episode, number = id_.split("/")
    if (run, episode) not in receipts.endings:
        return None
    length, ended = receipts.endings[run, episode]
    return int(number) == length and ended != "horizon"
