"""Memories, to look into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billp.memory import AgentMemory, Kind, MemoryStats, Record, SentenceEmbedder, counts_of, open_memory
from billp.settings import load_settings
from billp.workbench.results import frame

if TYPE_CHECKING:
    import pandas

_MANY = 10**9


class Memory:
    """The memory `name` of `dataset`, opened for reading; other processes may write it meanwhile.

    Use it as a context manager, or `close` it. Raises MemoryStoreError, naming similar ones, if there is none.
    """

    def __init__(self, name: str, *, dataset: str = "ml-100k") -> None:
        settings = load_settings({})
        counts_of(settings, dataset, name)  # refuses a name that is not there
        self._memory: AgentMemory = open_memory(settings, dataset, name, SentenceEmbedder(), reading=True)

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases the memory's files."""
        self._memory.close()

    def stats(self) -> MemoryStats:
        """Returns how many records of each kind there are, and where."""
        return self._memory.stats()

    def records(self, kind: Kind = "reflections", limit: int = _MANY, offset: int = 0) -> list[Record]:
        """Returns records of `kind` (reflections, actor, critic or uses), in the order of their ids."""
        return self._memory.records(kind, limit, offset)

    def search(self, text: str, kind: Kind = "reflections", k: int = 5) -> list[Record]:
        """Returns the `k` records of `kind` that are nearest in meaning to `text`, the nearest first."""
        return [match.record for match in self._memory.search(kind, text, k)]

    def to_pandas(self, kind: Kind = "reflections") -> pandas.DataFrame:
        """Returns one row per record of `kind`: its id, its text and its fields."""
        return frame([{"id": record.id, "text": record.text, **record.fields} for record in self.records(kind)])
