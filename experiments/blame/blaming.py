"""Which memories moved one recommendation, and by how much: from the run's record, and from memory as it was then."""

from __future__ import annotations

from agents.plan import Plan
from agents.relations import relation
from catalogue import Catalogue
from experiments.blame.lessons import lessons_behind
from experiments.blame.parts import ALIKE, Blame, Candidate, ItemBehind, RecordBehind, RelationBehind
from experiments.blame.sums import caution_of, items_behind, relation_behind
from experiments.run_step import Step
from memory import Ledger, MemoryBank, Receipts, Vector
from memory.outcomes import Outcome

_FORGOTTEN = "forgotten since"


def blame(step: Step, bank: MemoryBank, catalogue: Catalogue, vectors: Vector, *, examples: int = 5) -> Blame:
    """What stood behind `step`, with at most `examples` experiences, items, and reflections that were not read.

    `vectors` (items, d) as in the run. Memory is taken as it was: without what later batches of the same run taught.
    What other runs taught it, or what was pruned, since then cannot be told apart; `as_it_was` says whether the
    numbers still agree.
    """
    record, receipts = step.record, bank.uses.receipts()
    fields = {id_: row for id_, row in bank.actor.store.fields() if step.knew(id_)}
    outcomes = {id_: Outcome.of(id_, row) for id_, row in fields.items()}
    ledger = Ledger(outcomes.values())
    candidates = _candidates(step, catalogue)
    shortlist = [candidate.item for candidate in candidates]
    again = ledger.estimate([candidate.relation for candidate in candidates], shortlist, vectors, caution_of(step))
    lessons = lessons_behind(step, bank, catalogue, vectors, receipts=receipts, most=examples)
    recorded = record["advantages"]  # none where memory's sums had no say
    behind: RelationBehind | None = None
    items: list[ItemBehind] = []
    alike = True
    if recorded:
        alike = all(abs(each.advantage - then) <= ALIKE for each, then in zip(again, recorded, strict=True))
        of_relation = [outcome for outcome in outcomes.values() if outcome.relation == record["relation"]]
        behind = relation_behind(of_relation, fields, ledger, receipts, step=step, most=examples)
        items = items_behind(ledger.liking_parts(record["item"], vectors), catalogue, receipts, examples)
    return Blame(
        run=str(step.run), episode=step.line.id, step=step.number, user=step.line.user, memory=step.memory,
        title=record["title"], reward=record["reward"], advantage=record["advantage"], thought=record["thought"],
        plan=record["plan"], trust=record["trust"], candidates=candidates,
        as_it_was=alike and lessons.as_it_was,
        relation=behind, items=items,
        reflections=lessons.reflections, pooled=lessons.pooled,
        retrieved=[
            RecordBehind(
                id=id_, text=str(fields[id_]["item_title"]) if id_ in fields else _FORGOTTEN,
                receipt=receipts.of(id_),
            )
            for id_ in record["experiences"]
        ],
        valued=_valued(step, bank, receipts),
    )  # fmt: skip


def _candidates(step: Step, catalogue: Catalogue) -> list[Candidate]:
    record = step.record
    shown = catalogue.some(step.shown)
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


def _valued(step: Step, bank: MemoryBank, receipts: Receipts) -> list[RecordBehind]:
    """The Critic experiences behind V of the state, by id."""
    ids = sorted(id_ for id_, numbers in step.output.get("valued", {}).items() if step.number in numbers)
    values = {found.id: found.field("value", float) for found in bank.critic.store.get(ids)}
    return [
        RecordBehind(
            id=id_, text=f"{values[id_]:.2f}" if id_ in values else _FORGOTTEN, receipt=receipts.of(id_),
        )
        for id_ in ids
    ]  # fmt: skip
