"""The records of a service: sessions, accepted answers, and finished episodes.

An answer is written here before the graph gets it. After a crash the graph's own state says how many answers it has
taken, and the missing ones are sent again, so that no answer is lost and none counts twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Self

from billp.serving.api.database import Database

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY, person TEXT NOT NULL, arm TEXT NOT NULL, method TEXT NOT NULL, memory TEXT NOT NULL,
        teaches INTEGER NOT NULL, episode TEXT NOT NULL, opening TEXT NOT NULL, key TEXT,
        begun DOUBLE PRECISION NOT NULL, touched DOUBLE PRECISION NOT NULL, ended TEXT NOT NULL,
        UNIQUE (person, key)
    )
    """,
    "CREATE INDEX IF NOT EXISTS sessions_open ON sessions (ended, touched)",
    """
    CREATE TABLE IF NOT EXISTS answers (
        session TEXT NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL, said TEXT NOT NULL,
        given DOUBLE PRECISION NOT NULL, PRIMARY KEY (session, number), UNIQUE (session, key)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS episodes (
        seq BIGINT PRIMARY KEY, session TEXT NOT NULL UNIQUE, person TEXT NOT NULL, arm TEXT NOT NULL,
        method TEXT NOT NULL, memory TEXT NOT NULL, output TEXT NOT NULL, ended DOUBLE PRECISION NOT NULL,
        teaches INTEGER NOT NULL, ordinal BIGINT, learned DOUBLE PRECISION, problem TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX IF NOT EXISTS episodes_waiting ON episodes (teaches, learned, seq)",
    "CREATE TABLE IF NOT EXISTS tokens (digest TEXT PRIMARY KEY, person TEXT NOT NULL, made DOUBLE PRECISION NOT NULL)",
)
_SESSION = "SELECT id, person, arm, method, memory, teaches, episode, opening, begun, touched, ended FROM sessions "


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it began. `opening` is what the person said then: `likes`, and a `wish`."""

    id: str
    person: str
    arm: str
    method: str
    memory: str
    teaches: bool
    episode: str
    opening: dict[str, Any]
    begun: float
    touched: float
    ended: str = ""
    """Why it ended; empty while it is open."""

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Self:
        """Returns the session in a row that `_SESSION` selects."""
        id_, person, arm, method, memory, teaches, episode, opening, begun, touched, ended = row
        return cls(id_, person, arm, method, memory, bool(teaches), episode, json.loads(opening), begun, touched, ended)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An accepted answer; `number` counts a session's answers from 1."""

    number: int
    key: str
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """A finished session that waits to be learned from; `ordinal` is None until learning from it has begun."""

    seq: int
    session: str
    method: str
    memory: str
    output: dict[str, Any]
    ordinal: int | None


class ServiceRecords:
    """The tables of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbering = asyncio.Lock()  # episodes are numbered one after the other

    async def prepare(self) -> None:
        """Creates the tables that do not exist."""
        for statement in _TABLES:
            await self._database.rows(statement)

    async def sync(self) -> None:
        """Returns when everything written so far is on disk."""
        await self._database.sync()

    async def begin(self, session: SessionRow, key: str | None, wish: dict[str, Any] | None = None) -> SessionRow:
        """Writes `session`, and a `wish` as the answer to the first item, which was not shown.

        If the person began a session with the same `key` before, that one counts and is returned.
        """
        values = (
            session.id, session.person, session.arm, session.method, session.memory, int(session.teaches),
            session.episode, json.dumps(session.opening, ensure_ascii=False), key, session.begun, session.touched,
        )  # fmt: skip
        said = json.dumps(wish, ensure_ascii=False)
        await self._database.together(
            [
                (
                    "INSERT INTO sessions (id, person, arm, method, memory, teaches, episode, opening, key, begun, "
                    "touched, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT DO NOTHING",
                    values,
                ),
                (
                    "INSERT INTO answers (session, number, key, said, given) SELECT id, 1, 'opening wish', "
                    "CAST(? AS TEXT), begun FROM sessions WHERE id = ? AND CAST(? AS INTEGER) = 1",
                    (said, session.id, int(wish is not None)),
                ),
            ]
        )
        return await self.session(session.id) or await self.begun_with(session.person, str(key)) or session

    async def session(self, id_: str) -> SessionRow | None:
        """Returns the session called `id_`; None if there is none."""
        rows = await self._database.rows(_SESSION + "WHERE id = ?", id_)
        return SessionRow.of(rows[0]) if rows else None

    async def begun_with(self, person: str, key: str) -> SessionRow | None:
        """Returns the session that the person began with that key."""
        rows = await self._database.rows(_SESSION + "WHERE person = ? AND key = ?", person, key)
        return SessionRow.of(rows[0]) if rows else None

    async def sessions_of(self, person: str) -> list[str]:
        """Returns the ids of all sessions of a person."""
        rows = await self._database.rows("SELECT id FROM sessions WHERE person = ?", person)
        return [id_ for (id_,) in rows]

    async def open_sessions(self, person: str) -> int:
        """Returns how many sessions of the person have not ended."""
        ((count,),) = await self._database.rows("SELECT COUNT(*) FROM sessions WHERE person = ? AND ended = ''", person)
        return int(count)

    async def all_open(self) -> int:
        """Returns how many sessions have not ended."""
        ((count,),) = await self._database.rows("SELECT COUNT(*) FROM sessions WHERE ended = ''")
        return int(count)

    async def idle_since(self, moment: float) -> list[str]:
        """Returns the ids of open sessions without an answer since `moment`, the longest idle first."""
        rows = await self._database.rows(
            "SELECT id FROM sessions WHERE ended = '' AND touched < ? ORDER BY touched", moment
        )
        return [id_ for (id_,) in rows]

    async def answer_with(self, session: str, key: str) -> AnswerRow | None:
        """Returns the answer that was accepted with that key."""
        rows = await self._database.rows(
            "SELECT number, key, said FROM answers WHERE session = ? AND key = ?", session, key
        )
        return AnswerRow(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None

    async def answer_number(self, session: str, number: int) -> AnswerRow | None:
        """Returns the answer of that number."""
        rows = await self._database.rows(
            "SELECT number, key, said FROM answers WHERE session = ? AND number = ?", session, number
        )
        return AnswerRow(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None

    async def accept(self, session: str, answer: AnswerRow) -> None:
        """Writes an answer; from now on it counts."""
        now = time.time()
        await self._database.together(
            [
                (
                    "INSERT INTO answers (session, number, key, said, given) VALUES (?, ?, ?, ?, ?)",
                    (session, answer.number, answer.key, json.dumps(answer.said, ensure_ascii=False), now),
                ),
                ("UPDATE sessions SET touched = ? WHERE id = ?", (now, session)),
            ]
        )

    async def finish(self, session: SessionRow, output: dict[str, Any]) -> None:
        """Writes the result of a session, once however often it is called: the outbox of what is to be learned."""
        values = (
            session.id, session.person, session.arm, session.method, session.memory,
            json.dumps(output, ensure_ascii=False, allow_nan=False), time.time(), int(session.teaches),
        )  # fmt: skip
        async with self._numbering:
            await self._database.together(
                [
                    (
                        "INSERT INTO episodes (seq, session, person, arm, method, memory, output, ended, teaches) "
                        "SELECT COALESCE(MAX(seq), 0) + 1, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), "
                        "CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS DOUBLE PRECISION), "
                        "CAST(? AS INTEGER) FROM episodes WHERE true ON CONFLICT (session) DO NOTHING",
                        values,
                    ),
                    ("UPDATE sessions SET ended = ? WHERE id = ?", (output["ended"], session.id)),
                ]
            )

    async def output_of(self, session: str) -> dict[str, Any] | None:
        """Returns the result of a session; None while it is open."""
        rows = await self._database.rows("SELECT output FROM episodes WHERE session = ?", session)
        if not rows:
            return None
        output: dict[str, Any] = json.loads(rows[0][0])
        return output

    async def next_to_learn(self) -> EpisodeRow | None:
        """Returns the first episode that teaches and was not learned from; None if there is none."""
        rows = await self._database.rows(
            "SELECT seq, session, method, memory, output, ordinal FROM episodes "
            "WHERE teaches = 1 AND learned IS NULL ORDER BY seq LIMIT 1"
        )
        if not rows:
            return None
        seq, session, method, memory, output, ordinal = rows[0]
        return EpisodeRow(seq, session, method, memory, json.loads(output), ordinal)

    async def set_ordinal(self, seq: int, ordinal: int) -> None:
        """Stores the ordinal of an episode in the memory that it teaches."""
        await self._database.rows("UPDATE episodes SET ordinal = ? WHERE seq = ?", ordinal, seq)

    async def mark_learned(self, seq: int, problem: str = "") -> None:
        """Stores that an episode was learned from, or why it cannot be."""
        await self._database.rows(
            "UPDATE episodes SET learned = ?, problem = ? WHERE seq = ?", time.time(), problem, seq
        )

    async def unlearned(self) -> int:
        """Returns how many episodes wait to be learned from."""
        ((count,),) = await self._database.rows("SELECT COUNT(*) FROM episodes WHERE teaches = 1 AND learned IS NULL")
        return int(count)

    async def outcomes(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Returns person, arm, method and output of every finished session, in the order they ended."""
        rows = await self._database.rows("SELECT person, arm, method, output FROM episodes ORDER BY seq")
        return [(person, arm, method, json.loads(output)) for person, arm, method, output in rows]

    async def forget(self, person: str) -> None:
        """Deletes all rows of a person, tokens included."""
        await self._database.together(
            [
                ("DELETE FROM answers WHERE session IN (SELECT id FROM sessions WHERE person = ?)", (person,)),
                ("DELETE FROM sessions WHERE person = ?", (person,)),
                ("DELETE FROM episodes WHERE person = ?", (person,)),
                ("DELETE FROM tokens WHERE person = ?", (person,)),
            ]
        )
