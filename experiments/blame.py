"""Which memories moved one recommendation, and by how much: from the run's record, and from memory as it was then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict

from agents.plan import Plan
from agents.relations import relation
from catalogue import Catalogue
from experiments.origins import is_called
from experiments.run_step import Step
from graphs.state import PlanState
from memory import Ledger, MemoryBank, Receipt, Receipts, Vector
from memory.ledger import Outcome
from memory.receipts import item_key, relation_key
from memory.records import FieldValue

_FORGOTTEN = "forgotten since"
_ALIKE = 0.02  # stars by which memory, asked again, may differ from what was recorded, sums being rounded


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Candidate(_Part):
    """One line of the shortlist; all but `preference` (nats) in stars, None where nobody asked.

    `total` = `staying` + `liking` + `trusted`, the last being the LLM's preference times its trust. `fit` is how well
    it fits the plan, which drew the shortlist.
    """

    item: int
    title: str
    relation: str
    fit: float | None
    staying: float | None
    liking: float | None
    support: float | None
    preference: float | None
    trusted: float | None
    total: float | None
    chosen: bool


class Example(_Part):
    """An experience of the relation chosen; `stars` is what it added to what was expected, `left` the end or not."""

    id: str
    title: str
    reward: float
    stars: float
    left: bool | None


class RelationBehind(_Part):
    """The experiences of the relation chosen; `left` of those whose ending is known.

    What all experiences add to the candidate, less `caution` for thin evidence, is its `staying`.
    """

    relation: str
    experiences: int
    left: int
    caution: float
    receipt: Receipt
    examples: list[Example]


class ItemBehind(_Part):
    """What was known of an item like the one chosen: ratings, their mean, and the stars that they added."""

    item: int
    title: str
    experiences: int
    reward: float
    stars: float
    receipt: Receipt


class RecordBehind(_Part):
    """A reflection or experience that was read back; `text` is the item of an Actor experience, a value in stars."""

    id: str
    text: str
    distance: float | None
    receipt: Receipt


class Blame(_Part):
    """Everything that stood behind one step. `as_it_was`: memory, asked again, still expects what was recorded then.

    Where memory was not asked what to expect, no relation and no item moved the choice.
    """

    run: str
    episode: str
    step: int
    user: str
    memory: str
    title: str
    reward: float
    advantage: float | None
    thought: str
    plan: PlanState
    trust: float
    as_it_was: bool
    candidates: list[Candidate]
    relation: RelationBehind | None
    items: list[ItemBehind]
    reflections: list[RecordBehind]
    pooled: int
    retrieved: list[RecordBehind]
    valued: list[RecordBehind]


def blame(step: Step, bank: MemoryBank, catalogue: Catalogue, vectors: Vector, *, examples: int = 5) -> Blame:
    """What stood behind `step`, with at most `examples` experiences and items; `vectors` (items, d) as in the run.

    Memory is taken as it was: without what later batches of the same run taught. What other runs taught it, or what
    was pruned, since then cannot be told apart; `as_it_was` says whether the numbers still agree.
    """
    record, receipts = step.record, bank.uses.receipts()
    fields = {id_: row for id_, row in bank.actor.store.fields() if not _unseen(id_, step)}
    outcomes = {id_: Outcome.of(id_, row) for id_, row in fields.items()}
    ledger = Ledger(outcomes.values())
    candidates = _candidates(step, catalogue)
    shortlist = [candidate.item for candidate in candidates]
    again = ledger.estimate([candidate.relation for candidate in candidates], shortlist, vectors, _caution(step))
    recorded = record["advantages"]  # none where memory's sums had no say
    behind: RelationBehind | None = None
    items: list[ItemBehind] = []
    if recorded:
        of_relation = [outcome for outcome in outcomes.values() if outcome.relation == record["relation"]]
        behind = _relation_behind(of_relation, fields, ledger, receipts, step=step, most=examples)
        items = _items_behind(ledger.liking_parts(record["item"], vectors), catalogue, receipts, examples)
    return Blame(
        run=str(step.run), episode=step.line.id, step=step.number, user=step.line.user, memory=step.memory,
        title=record["title"], reward=record["reward"], advantage=record["advantage"], thought=record["thought"],
        plan=record["plan"], trust=record["trust"], candidates=candidates,
        as_it_was=not recorded or all(abs(a.advantage - b) <= _ALIKE for a, b in zip(again, recorded, strict=True)),
        relation=behind, items=items,
        reflections=[
            RecordBehind(id=r["id"], text=r["text"], distance=r["distance"], receipt=receipts.of(r["id"]))
            for r in step.output["reflections"]
        ],
        pooled=_pooled(step, bank),
        retrieved=[
            RecordBehind(
                id=id_, text=str(fields[id_]["item_title"]) if id_ in fields else _FORGOTTEN, distance=None,
                receipt=receipts.of(id_),
            )
            for id_ in record["experiences"]
        ],
        valued=_valued(step, bank, receipts),
    )  # fmt: skip


def _candidates(step: Step, catalogue: Catalogue) -> list[Candidate]:
    record = step.record
    shown = catalogue.some([earlier["item"] for earlier in step.output["steps"][: step.number - 1]])
    plan, found = Plan(**record["plan"]), []
    for position, item in enumerate(record["shortlist"] or [record["item"]]):
        advantage, liking, support, preference = (
            numbers[position] if numbers else None
            for numbers in (record["advantages"], record["likings"], record["support"], record["preferences"])
        )
        staying = None if advantage is None or liking is None else round(advantage - liking, 4)
        # Where memory expects nothing at all, the LLM alone chooses.
        trust = record["trust"] if record["advantages"] else 1.0
        trusted = None if preference is None else round(trust * preference, 4)
        parts = [part for part in (advantage, trusted) if part is not None]
        found.append(
            Candidate(
                item=item, title=catalogue[item].title, relation=relation(catalogue[item], shown),
                fit=round(plan.fit(catalogue[item], shown), 4) if plan.words() else None,
                staying=staying, liking=liking, support=support, preference=preference, trusted=trusted,
                total=round(sum(parts), 4) if parts else None, chosen=item == record["item"],
            )
        )  # fmt: skip
    return found


def _relation_behind(
    outcomes: Sequence[Outcome],
    fields: Mapping[str, Mapping[str, FieldValue]],
    ledger: Ledger,
    receipts: Receipts,
    *,
    step: Step,
    most: int,
) -> RelationBehind:
    name = step.record["relation"]
    stars = dict(zip(outcomes, ledger.staying_parts(name, outcomes), strict=True))
    left = {outcome: _left(outcome.id, receipts) for outcome in outcomes}
    telling = sorted(outcomes, key=lambda outcome: (-abs(stars[outcome]), outcome.id))[:most]
    return RelationBehind(
        relation=name,
        experiences=len(outcomes),
        left=sum(gone is True for gone in left.values()),
        caution=round(_caution(step) * ledger.doubt(name), 4),
        receipt=receipts.of(relation_key(name)),
        examples=[
            Example(
                id=outcome.id, title=str(fields[outcome.id]["item_title"]), reward=outcome.reward,
                stars=round(stars[outcome], 4), left=left[outcome],
            )
            for outcome in telling
        ],
    )  # fmt: skip


def _items_behind(
    parts: Mapping[int, tuple[int, float, float]], catalogue: Catalogue, receipts: Receipts, most: int
) -> list[ItemBehind]:
    telling = sorted(parts, key=lambda item: (-abs(parts[item][2]), item))[:most]
    return [
        ItemBehind(
            item=item, title=catalogue[item].title, experiences=parts[item][0], reward=round(parts[item][1], 4),
            stars=round(parts[item][2], 4), receipt=receipts.of(item_key(item)),
        )
        for item in telling
    ]  # fmt: skip


def _pooled(step: Step, bank: MemoryBank) -> int:
    """How many reflections' evidence made the plan, as far as they are still there."""
    plan = step.record["plan"]
    if not (plan["aim"] or plan["avoid"] or plan["rest"]):
        return 0
    there = sum(not _unseen(id_, step) for id_ in bank.reflections.store.ids())
    return min(there, int(step.settings.get("memory", {}).get("evidence", there)))


def _valued(step: Step, bank: MemoryBank, receipts: Receipts) -> list[RecordBehind]:
    """The Critic experiences behind V of the state, by id."""
    ids = sorted(id_ for id_, numbers in step.output.get("valued", {}).items() if step.number in numbers)
    values = {found.id: found.field("value", float) for found in bank.critic.store.get(ids)}
    return [
        RecordBehind(
            id=id_, text=f"{values[id_]:.2f}" if id_ in values else _FORGOTTEN, distance=None,
            receipt=receipts.of(id_),
        )
        for id_ in ids
    ]  # fmt: skip


def _unseen(id_: str, step: Step) -> bool:
    _, run, episode, _ = id_.split("/")
    return is_called(step.run, unquote(run)) and unquote(episode) in step.unseen


def _left(id_: str, receipts: Receipts) -> bool | None:
    """Whether the user left over the step that taught this; None where that episode's end is not known."""
    _, run, episode, number = id_.split("/")
    if (run, episode) not in receipts.endings:
        return None
    length, ended = receipts.endings[run, episode]
    return int(number) == length and ended != "horizon"


def _caution(step: Step) -> float:
    """While it learns, nothing is taken off for thin evidence."""
    return 0.0 if step.learning else float(step.settings.get("actor", {}).get("caution", 0.0))
