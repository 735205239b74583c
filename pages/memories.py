"""Searches memories for the page; each is opened for one question only, so that other processes can use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billp.experiments.stats.endings import outcome_words
from billp.memory import KINDS, Embedder, Match, Record, open_memory, readable_inventory
from billp.memory.erasing import erase_memory, erase_records
from billp.memory.inventory import check_memory
from billp.pages.answers import Done, Forgetting, MemoryAnswer, MemoryName, MemoryNames, MemoryQuestion, Remembered
from billp.pages.runs import Runs
from billp.reports.episode_view import OriginView, Place
from billp.reports.provenance import Source, source_of
from billp.settings import Settings
from billp.words import counted


@dataclass(frozen=True)
class Memories:
    """The memories of `settings`; `runs` are the runs that their records came from."""

    settings: Settings
    embedder: Embedder
    runs: Runs

    def names(self) -> MemoryNames:
        """Returns every memory that is not empty; raises MemoryStoreError if the server cannot be read."""
        found, damaged = readable_inventory(self.settings)
        return MemoryNames(
            memories=[
                MemoryName(dataset=dataset, memory=memory, counts=dict(counts))
                for dataset, memories in found.items()
                for memory, counts in memories.items()
            ],
            damaged=[str(error) for error in damaged],
        )

    def search(self, question: MemoryQuestion) -> MemoryAnswer:
        """Returns the records nearest to the question's text, or all of them in pages if it has none.

        Raises MemoryStoreError if the memory cannot be opened.
        """
        with open_memory(self.settings, question.dataset, question.memory, self.embedder, reading=True) as agent_memory:
            held = agent_memory.stats().counts[question.kind]
            if question.text.strip():
                matches = agent_memory.search(question.kind, question.text, question.offset + question.limit)
                found = matches[question.offset :]
            else:
                found = [
                    Match(each, -1.0) for each in agent_memory.records(question.kind, question.limit, question.offset)
                ]
            usage = agent_memory.usage.table()
        sources = {match.record.id: source_of(match.record.id) for match in found}
        places = self.runs.places(source for source in sources.values() if source is not None)
        return MemoryAnswer(
            kind=question.kind,
            of=held,
            offset=question.offset,
            found=[
                _remembered(match, sources[match.record.id], places, usage.of(match.record.id).words())
                for match in found
            ],
        )

    def forget(self, forgetting: Forgetting) -> Done:
        """Forgets records of a memory, or all of it, for good: no file holds them afterwards.

        Raises MemoryStoreError if there is no such memory, or another process writes to it.
        """
        dataset, memory = forgetting.dataset, forgetting.memory
        check_memory(self.settings, dataset, memory)
        if not forgetting.ids:
            erase_memory(self.settings, dataset, memory)
            return Done(said=f"Memory {memory} of {dataset} is forgotten.")
        with open_memory(self.settings, dataset, memory, self.embedder) as held:
            known = [id_ for id_ in forgetting.ids if id_.partition("/")[0] in KINDS and held.text_of(id_) is not None]
            erase_records(self.settings, held, known)
        return Done(said=f"{counted(len(known), 'record')} of memory {memory} forgotten.")


def _remembered(match: Match[Record], source: Source | None, places: dict[Source, Place], usage: str) -> Remembered:
    record, origin = match.record, match.record.origin
    return Remembered(
        id=record.id,
        text=record.text,
        fields=_in_words(record.fields),
        distance=None if match.distance < 0 else match.distance,
        origin=OriginView(
            run=origin.run, episode=origin.episode, step=origin.step, seed=origin.seed, user=origin.user,
            at=None if source is None else places.get(source),
        ),
        usage=usage,
    )  # fmt: skip


def _in_words(fields: Mapping[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
    """Returns the fields of a record, with the reason of the episode's end in words."""
    ended = fields.get("ended")
    return dict(fields) if ended is None else {**fields, "ended": outcome_words(str(ended))[0]}
