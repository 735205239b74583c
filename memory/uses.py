"""What learned episodes used of one memory, kept beside it: receipts are added up from this when asked for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from billp.memory.experience_records import Uses
from billp.memory.receipts import Receipts
from billp.memory.store.protocol import VectorStore

_RECENT = 1000  # learned episodes from which reflections are weighed, lest a large memory cost more


class UseMemory:
    """What the episodes that one memory learned from used of it."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store
        self._recent: Receipts | None = None
        self._count = 0
        self._adding = Lock()

    def write(self, uses: Uses) -> None:
        """Remember what an episode used, in place of what was remembered of it before."""
        self.store.upsert([uses.to_record()])
        self.reread()

    def reread(self) -> None:
        """Add up anew when asked for, because the store was changed."""
        with self._adding:
            self._recent = None

    def refresh(self, count: int) -> None:
        """`reread`, where the store's `count` of records says that others have written or forgotten some since."""
        with self._adding:
            if self._recent is not None and self._count != count:
                self._recent = None

    def recent(self) -> Receipts:
        """The receipts of reflections, from the latest episodes alone; added up once between two writes."""
        with self._adding:  # episodes that begin together wait for one sum instead of making one each
            if self._recent is None:
                self._count = self.store.count()
                records = self.store.largest("ordinal", _RECENT)
                self._recent = Receipts(((record.id, record.fields) for record in records), steps=False)
            return self._recent

    def recent_of(self, known: Callable[[str], bool]) -> Receipts:
        """What `recent` said when only those records were there whose ids `known` accepts."""
        rows = sorted(
            (row for row in self.store.fields() if known(row[0])), key=lambda row: (-int(row[1]["ordinal"]), row[0])
        )
        return Receipts(rows[:_RECENT], steps=False)

    def receipts(self) -> Receipts:
        """The receipts as of now."""
        return Receipts(self.store.fields())
