"""The whole memory of one name: reflections, actor and critic experiences of one dataset, and the usage log."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from pydantic import BaseModel, ConfigDict

from billp.catalogue import Catalogue
from billp.errors import MemoryStoreError
from billp.memory.embedding import Embedder
from billp.memory.experiences import ActorMemory, CriticMemory
from billp.memory.records import KINDS, Kind, Record, Vector
from billp.memory.reflections import ReflectionMemory
from billp.memory.store.protocol import Match, VectorStore
from billp.memory.transfer import Header, read_lines, write_lines
from billp.memory.usage import UsageLog, ids_of_episode
from billp.whole_files import bounded_lines, replacing

BATCH = 500
_LONGEST = 16 << 20  # bytes of a line of an export
_CHECKED = 32  # experiences compared with the catalogue, to see whether it is still theirs


class MemoryStats(BaseModel):
    """What a memory holds, and where."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    memory: str
    counts: dict[Kind, int]
    embedder: str
    dimension: int
    where: str


class AgentMemory:
    """The records of one (dataset, memory name), and the embedder that made their vectors.

    Use it as a context manager, or `close` it. It may be used from several threads.
    """

    def __init__(
        self,
        stores: Mapping[Kind, VectorStore],
        embedder: Embedder,
        *,
        dataset: str,
        name: str,
        where: str,
        close: Callable[[], None],
        tidy: Callable[[], object] = lambda: None,
    ) -> None:
        self.dataset = dataset
        self.name = name
        self.where = where
        self.embedder = embedder
        self.reflections = ReflectionMemory(stores["reflections"])
        self.actor = ActorMemory(stores["actor"])
        self.critic = CriticMemory(stores["critic"])
        self.usage = UsageLog(stores["uses"])
        self._stores = stores
        self._close, self._tidy = close, tidy

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def stores(self) -> Mapping[Kind, VectorStore]:
        """The stores, by the kind of their records."""
        return self._stores

    def close(self) -> None:
        """Closes the connection and releases the folder; a second call does nothing."""
        self._close()

    def stats(self) -> MemoryStats:
        """Counts the records of each kind, and says where they are kept."""
        return MemoryStats(
            dataset=self.dataset,
            memory=self.name,
            counts={kind: self._stores[kind].count() for kind in KINDS},
            embedder=self.embedder.name,
            dimension=self.embedder.dimension,
            where=self.where,
        )

    def check_catalogue(self, catalogue: Catalogue, vectors: Vector) -> None:
        """Raises MemoryStoreError if experiences name other items than `catalogue` has at their indices.

        Indices shift when a dataset of the same name is added again. `vectors` (items, d) are the items'. Only some of
        many experiences are compared.
        """
        for match in self.actor.similar(vectors[0], _CHECKED):
            item, title = match.record.item, match.record.item_title
            now = catalogue[item].title if item < len(catalogue) else "not there"
            if now != title:
                raise MemoryStoreError(
                    f"Memory {self.name!r} of {self.dataset!r} was learned with another catalogue (item {item} was "
                    f"{title!r} and is {now!r}): name another memory, or clear this one."
                )

    def next_ordinal(self) -> int:
        """Returns the ordinal of the next episode to learn from: one more than the highest so far."""
        latest = (record for kind in ("reflections", "uses") for record in self._stores[kind].largest("ordinal", 1))
        return 1 + max((record.field("ordinal", int) for record in latest), default=-1)

    def records(self, kind: Kind, limit: int = 20, offset: int = 0) -> list[Record]:
        """Returns one page of the records of `kind`, in the order of their ids (run, episode, step)."""
        store = self._stores[kind]
        return store.get(store.ids()[offset : offset + limit])

    def find(self, id_: str) -> tuple[Kind, Record]:
        """Returns the kind and the record of `id_`; raises MemoryStoreError if there is none."""
        for kind in KINDS:
            if id_.startswith(f"{kind}/") and (found := self._stores[kind].get([id_])):
                return kind, found[0]
        raise MemoryStoreError(
            f"Memory {self.name!r} of {self.dataset!r} has no record {id_!r}; `billp memory list KIND` shows the ids."
        )

    def text_of(self, id_: str) -> str | None:
        """Returns the text of the record `id_`; None if there is none."""
        store = self._stores[next(kind for kind in KINDS if id_.startswith(f"{kind}/"))]
        return next((record.text for record in store.get([id_])), None)

    def ids_of(self, user: str, *, runs: str = "") -> list[str]:
        """Returns the ids of what `user` taught in runs whose names begin with `runs`; reads every record."""
        records = itertools.chain.from_iterable(store.all() for store in self._stores.values())
        return [each.id for each in records if each.origin.user == user and each.origin.run.startswith(runs)]

    def forget(self, ids: Sequence[str]) -> None:
        """Forgets the records with these ids; an id without a record is no error."""
        for kind in KINDS:
            if ours := [id_ for id_ in ids if id_.startswith(f"{kind}/")]:
                if kind == "actor":
                    self.actor.forget(ours)
                else:
                    self._stores[kind].delete(ours)
        self.usage.reread()

    def keep_latest(self, episodes: int, ordinal: int) -> int:
        """Forgets the oldest episodes, with all that they taught, so that at most `episodes` are left.

        `ordinal` is that of the latest one. A quarter of them is forgotten at a time, and always the same ones: those
        of the lowest ordinals. Returns how many were forgotten.
        """
        part = max(1, episodes // 4)
        first = part * max(0, math.ceil((ordinal + 1 - episodes) / part))  # that stays
        if self.usage.store.count() <= ordinal + 1 - first:
            return 0
        old = [(id_, fields) for id_, fields in self.usage.store.fields() if int(fields["ordinal"]) < first]
        self.forget([id_ for entry in old for id_ in ids_of_episode(*entry)])
        self._tidy()
        return len(old)

    def search(self, kind: Kind, text: str, k: int = 10) -> list[Match[Record]]:
        """Finds the `k` records of `kind` whose text (for reflections: first state) is nearest in meaning to `text`."""
        return self._stores[kind].nearest(self.embedder.embed([text])[0], k)

    def export(self, target: Path | TextIO) -> int:
        """Writes every record to `target` as JSON lines, vectors exact; returns how many.

        A file is replaced only when the export is complete. Raises MemoryStoreError if it cannot be written.
        """
        header = Header(
            dataset=self.dataset,
            memory=self.name,
            embedder=self.embedder.name,
            dimension=self.embedder.dimension,
            records=sum(self.stats().counts.values()),
        )
        entries = ((kind, record) for kind in KINDS for record in self._stores[kind].all())
        if isinstance(target, Path):
            with _replacing(target) as stream:
                write_lines(stream, header, entries)
        else:
            write_lines(target, header, entries)
        return header.records

    def import_(self, path: Path) -> int:
        """Adds the records of an export and returns how many; records with the same ids are replaced.

        The whole file is checked before anything is written. Raises MemoryStoreError, naming the line, if it is
        malformed, or comes from another embedder, dimension or format version.
        """
        count = sum(1 for _ in self._read(path))
        entries = self._read(path)
        while batch := list(itertools.islice(entries, BATCH)):
            for kind in KINDS:
                self._stores[kind].upsert([record for its_kind, record in batch if its_kind == kind])
        self._reread()
        return count

    def clear(self, kind: Kind | None = None) -> None:
        """Forgets every record of `kind`, or of every kind."""
        for each in KINDS if kind is None else (kind,):
            self._stores[each].clear()
        self._reread()

    def refresh(self) -> None:
        """Notices what other processes have written or forgotten; called before an episode begins.

        The number of records shows it: if as many were forgotten as written, the next change shows both.
        """
        # Every kind is counted, because counting lets go of a collection that another process removed.
        counts = {kind: store.count() for kind, store in self._stores.items()}
        self.actor.refresh(counts["actor"])
        self.usage.refresh(counts["uses"])

    def _reread(self) -> None:
        """Sums over the stores are made again, because the stores were changed directly."""
        self.actor.reread()
        self.usage.reread()

    def _read(self, path: Path) -> Iterator[tuple[Kind, Record]]:
        try:
            lines = (line.decode("utf-8") for line in bounded_lines(path, _LONGEST))
            yield from read_lines(lines, embedder=self.embedder.name, dimension=self.embedder.dimension)
        except (OSError, UnicodeDecodeError) as error:
            raise MemoryStoreError(f"The export {path} cannot be read ({error}); name another file.") from error


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """Opens a file that replaces `path` once it is complete."""
    try:
        with replacing(path) as (partial,), partial.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
    except OSError as error:
        raise MemoryStoreError(
            f"The export cannot be written to {path} ({error.strerror}); name another file."
        ) from error
