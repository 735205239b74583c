"""Which memories moved one recommendation, and by how much: from the run's record, and from memory as it was then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict

from agents.relations import relation
from catalogue import Catalogue
from errors import ArtifactError
from experiments.configured_folder import read_config
from experiments.origins import is_called
from experiments.records import EpisodeLine
from experiments.run_folder import read_lines
from graphs.state import EpisodeOutput, PlanState, StepRecord
from memory import Ledger, MemoryBank, Receipt, Receipts, Vector
from memory.ledger import Outcome
from memory.receipts import item_key, relation_key
from memory.records import FieldValue

_ALIKE = 0.02  # stars by which memory, asked again, may differ from what was recorded, sums being rounded


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Candidate(_Part):
    """One line of the shortlist; all but `preference` (nats) in stars, None where nobody asked.

    `total` = `staying` + `liking` + `trusted`, the last being the LLM's preference times its trust.
    """

    item: int
    title: str
    relation: str
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
    """The experiences of the relation chosen; `left` of those whose ending is known."""

    relation: str
    experiences: int
    left: int
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
    """A reflection or experience that was read back."""

    id: str
    text: str
    distance: float | None
    receipt: Receipt


class Blame(_Part):
    """Everything that stood behind one step. `as_it_was`: memory, asked again, still expects what was recorded then."""

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
    relation: RelationBehind
    items: list[ItemBehind]
    reflections: list[RecordBehind]
    pooled: int
    retrieved: list[RecordBehind]


class Step(_Part):
    """One step of a run as `billp memory blame` names it, with what it was made with."""

    run: Path
    dataset: str
    memory: str
    settings: dict[str, Any]
    line: EpisodeLine
    number: int
    unseen: frozenset[str]
    """Episodes of the run whose lessons were not there yet when this one was run."""

    @property
    def output(self) -> EpisodeOutput:
        """The finished episode."""
        if self.line.output is None:
            raise ArtifactError(f"Episode {self.line.id} failed ({self.line.error}); name one that finished.")
        return self.line.output

    @property
    def record(self) -> StepRecord:
        """The step."""
        return self.output["steps"][self.number - 1]


def find_step(run: Path, episode: str, number: int) -> Step:
    """Step `number` of `episode` in the run folder `run`; raises ArtifactError where there is none of these."""
    lines, config = read_lines(run), read_config(run)
    line = next((line for line in lines if line.id == episode), None)
    if line is None:
        ids = [line.id for line in lines]
        known = f"the first is {ids[0]}, the last {ids[-1]}" if ids else "it has none yet"
        raise ArtifactError(f"There is no episode {episode!r} in {run}; {known}.")
    plan: Mapping[str, Any] = config.get("plan", {})
    later = [other.id for other in lines if other.batch >= line.batch] if plan.get("command") == "train" else []
    found = Step(
        run=run, dataset=str(config.get("dataset", {}).get("name", "")), memory=str(plan.get("memory") or ""),
        settings=config.get("settings", {}), line=line, number=number, unseen=frozenset(later),
    )  # fmt: skip
    steps = len(found.output["steps"])
    if not 1 <= number <= steps:
        raise ArtifactError(f"Episode {episode} has steps 1 to {steps}, not {number}; name one of them.")
    return found


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
    recorded = record["advantages"]
    of_relation = [outcome for outcome in outcomes.values() if outcome.relation == record["relation"]]
    return Blame(
        run=str(step.run), episode=step.line.id, step=step.number, user=step.line.user, memory=step.memory,
        title=record["title"], reward=record["reward"], advantage=record["advantage"], thought=record["thought"],
        plan=record["plan"], trust=record["trust"], candidates=candidates,
        as_it_was=bool(recorded)
        and all(abs(a.advantage - b) <= _ALIKE for a, b in zip(again, recorded, strict=True)),
        relation=_relation_behind(of_relation, fields, ledger, receipts, name=record["relation"], most=examples),
        items=_items_behind(ledger.liking_parts(record["item"], vectors), catalogue, receipts, examples),
        reflections=[
            RecordBehind(id=r["id"], text=r["text"], distance=r["distance"], receipt=receipts.of(r["id"]))
            for r in step.output["reflections"]
        ],
        pooled=_pooled(step, bank),
        retrieved=[
            RecordBehind(
                id=id_, text=str(fields[id_]["item_title"]) if id_ in fields else "forgotten since", distance=None,
                receipt=receipts.of(id_),
            )
            for id_ in record["experiences"]
        ],
    )  # fmt: skip


def _candidates(step: Step, catalogue: Catalogue) -> list[Candidate]:
    record = step.record
    shown = catalogue.some([earlier["item"] for earlier in step.output["steps"][: step.number - 1]])
    found = []
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
                item=item, title=catalogue[item].title, relation=relation(catalogue[item], shown), staying=staying,
                liking=liking, support=support, preference=preference, trusted=trusted,
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
    name: str,
    most: int,
) -> RelationBehind:
    stars = dict(zip(outcomes, ledger.staying_parts(name, outcomes), strict=True))
    left = {outcome: _left(outcome.id, receipts) for outcome in outcomes}
    telling = sorted(outcomes, key=lambda outcome: (-abs(stars[outcome]), outcome.id))[:most]
    return RelationBehind(
        relation=name,
        experiences=len(outcomes),
        left=sum(gone is True for gone in left.values()),
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
    """In training nothing is taken off for thin evidence."""
    return 0.0 if step.line.split == "train" else float(step.settings.get("actor", {}).get("caution", 0.0))
