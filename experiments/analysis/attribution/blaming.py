"""Attributes one recommendation: from the run's record, and from memory as it was then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from billp.errors import MemoryStoreError
from billp.experiments.analysis.attribution.believed import believed
from billp.experiments.analysis.attribution.lessons import lessons_behind
from billp.experiments.analysis.attribution.parts import Blame, Candidate, RecordBehind
from billp.experiments.analysis.run_step import Step
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.memory import Record, UsageTable, VectorStore


def blame(step: Step, deps: Dependencies, *, examples: int = 5) -> Blame:
    """Returns what was behind `step`, with at most `examples` principles, experiences, and reflections not read.

    `deps` have its dataset, its settings and the memory to ask. The memory is taken as it was, without what later
    batches of the same run taught. What other runs taught it since, or what was pruned, cannot be told apart;
    `as_it_was` says whether the numbers still agree. Raises MemoryStoreError if `deps` have no memory.
    """
    agent_memory, record = deps.memory, step.record
    if agent_memory is None:
        raise MemoryStoreError("No memory was opened; name the one to ask with --memory.")
    receipts = agent_memory.usage.table()
    lessons = lessons_behind(step, deps, agent_memory, receipts, examples)
    candidates, belief, alike = _candidates(step, deps), None, True
    if method_named(step.line.method).chooser == "memory" and record["advantages"]:
        known = [outcome for outcome in agent_memory.actor.outcomes()[1] if step.knew(outcome.id)]
        candidates, belief, alike = believed(step, deps, known, examples)
    valued = sorted(id_ for id_, numbers in step.output.get("valued", {}).items() if step.number in numbers)
    return Blame(
        run=str(step.run), episode=step.line.id, step=step.number, user=step.line.user, memory=step.memory,
        title=record["title"], reward=record["reward"], advantage=record["advantage"], thought=record["thought"],
        plan=record["plan"], as_it_was=alike and lessons.as_it_was, candidates=candidates, belief=belief,
        reflections=lessons.reflections, pooled=lessons.pooled,
        retrieved=_read(
            agent_memory.actor.store, record["experiences"], lambda read: read.field("item_title", str), receipts
        ),
        valued=_read(agent_memory.critic.store, valued, lambda read: f"{read.field('value', float):.2f}", receipts),
    )  # fmt: skip


def _candidates(step: Step, deps: Dependencies) -> list[Candidate]:
    """Returns the shortlist, with the LLM's preferences if the LLM chose."""
    items, chosen = step.record["shortlist"] or [step.record["item"]], step.record["item"]
    preferences: Sequence[float | None] = step.record["preferences"] or [None] * len(items)
    return [
        Candidate(item=item, title=deps.catalogue[item].title, preference=preference, chosen=item == chosen)
        for item, preference in zip(items, preferences, strict=True)
    ]


def _read(
    store: VectorStore, ids: Sequence[str], words: Callable[[Record], str], receipts: UsageTable
) -> list[RecordBehind]:
    """Returns the records of these ids in a few `words`."""
    texts = {found.id: words(found) for found in store.get(ids)}
    return [RecordBehind(id=id_, text=texts.get(id_, "forgotten since"), receipt=receipts.of(id_)) for id_ in ids]
