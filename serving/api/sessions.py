"""The life of a session: begun, answered, restored after a crash, ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from uuid import uuid4
from weakref import WeakValueDictionary

from langgraph.types import Command

from billp.errors import EpisodeError
from billp.experiments.runs.episode_lines import check_finite
from billp.graphs.forms import LiveInput
from billp.graphs.recording import output_of
from billp.serving.api.arms import Arms
from billp.serving.api.checks import check_answer, check_new
from billp.serving.api.feed import Event, Feed
from billp.serving.api.lending import Lender
from billp.serving.api.moving import Moment, Move, Mover
from billp.serving.api.pace import Pace
from billp.serving.api.problems import Refused
from billp.serving.api.prometheus import Metrics
from billp.serving.api.service_records import AnswerRow, ServiceRecords, SessionRow
from billp.serving.api.views import Answer, NewSession, Rated, Totals, Turn, Whole

_AT_HAND = 2000  # open sessions whose state stays in memory
_OVER = "The session is over; begin another one."


@dataclass(eq=False)
class _Live:
    """An open session in this process. `lock` is held while it moves; `moment` is None if it must be looked up."""

    row: SessionRow
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    feed: Feed = field(default_factory=Feed)
    moment: Moment | None = None
    forgotten: bool = False
    wanted: int = 0
    """How many hold the lock or wait for it."""

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keeps others from moving it; raises Refused if it was forgotten."""
        self.wanted += 1
        try:
            async with self.lock:
                if self.forgotten:
                    raise _unknown()
                yield
        finally:
            self.wanted -= 1


class Sessions:
    """All sessions of one service."""

    def __init__(
        self, *, records: ServiceRecords, mover: Mover, lender: Lender, arms: Arms, metrics: Metrics, pace: Pace,
        most_open: int, finished: Callable[[], None],
    ) -> None:  # fmt: skip
        """Takes the parts of the service; `finished` is called when a new episode is stored."""
        self._records, self._mover, self._lender, self._arms = records, mover, lender, arms
        self._metrics, self._pace, self._most_open, self._finished = metrics, pace, most_open, finished
        self._live: dict[str, _Live] = {}
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def begin(self, person: str, asked: NewSession, key: str | None) -> Turn:
        """Begins a session, or returns the one that the person began with the same `key`.

        Raises Refused if the person has too many open sessions, the wish has no words, or a liked title names no item.
        """
        self._pace.check(person)
        await check_new(asked, self._lender.base(self._arms.of(person).method.name).catalogue)
        async with self._beginning.setdefault(person, asyncio.Lock()):
            row = await self._records.begun_with(person, key) if key else None
            if row is None:
                if await self._records.open_sessions(person) >= self._most_open:
                    raise Refused(
                        HTTPStatus.CONFLICT,
                        f"You have {self._most_open} open sessions, and no user may have more; end one of them first.",
                    )
                arm = self._arms.of(person)
                if asked.episode and arm.learns:
                    raise Refused(
                        HTTPStatus.BAD_REQUEST,
                        "A session that something is learned from gets a name of its own; leave out `episode`.",
                    )
                now, id_ = time.time(), uuid4().hex
                row = await self._records.begin(
                    SessionRow(
                        id=id_, person=person, arm=arm.name, method=arm.method.name, memory=arm.memory_of(person),
                        teaches=arm.may_learn_from(person), episode=asked.episode or id_,
                        opening={"likes": asked.likes}, begun=now, touched=now,
                    ),
                    key,
                    {"wish": asked.wish} if asked.wish else None,
                )  # fmt: skip
                self._metrics.begun(arm.name)
        live = self._used(self._live.get(row.id) or _Live(row))
        async with live.held():
            moment = await self._caught_up(live)
            await self._records.sync()
            return self._turn(row, moment)

    async def answer(self, person: str | None, id_: str, given: Answer, key: str) -> Turn:
        """Returns the next item, or the end; a `key` that was used before changes nothing.

        Raises Refused if the answer does not fit, and what the graph raises if it cannot go on: the answer is kept
        then, and the same request again goes on with it.
        """
        check_answer(given)
        return await self._answered(await self._found(person, id_), given, key)

    async def leave(self, id_: str, key: str) -> None:
        """Ends an open session as if the person had said so."""
        row = await self._records.session(id_)
        if row is not None and not row.ended:
            with suppress(Refused):  # its last answer had ended it
                await self._answered(await self._found(row.person, id_, paced=False), Answer(leave=True), key)

    async def _answered(self, live: _Live, given: Answer, key: str) -> Turn:
        id_ = live.row.id
        async with live.held():
            before = await self._records.answer_with(id_, key)
            if before is not None and before.said != given.said:
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "This Idempotency-Key was used for another answer; take a new one for each answer.",
                )
            moment = await self._caught_up(live)
            if before is not None:
                await self._records.sync()
                return self._turn(live.row, moment)
            if moment.over or moment.question is None:
                raise Refused(HTTPStatus.CONFLICT, _OVER)
            if given.step not in (None, moment.question["step"]):
                raise Refused(HTTPStatus.CONFLICT, f"Step {moment.question['step']} is at hand, not step {given.step}.")
            accepted = AnswerRow(moment.heard + 1, key, given.said)
            live.moment = None  # unknown: if the database fails now, it may hold the answer all the same
            await self._records.accept(id_, accepted)
            live.moment = moment
            moment = await self._caught_up(live, accepted)
            await self._records.sync()
            return self._turn(live.row, moment)

    async def whole(self, person: str | None, id_: str) -> Whole:
        """Returns the state of a session and its steps; raises Refused if it is unknown or another user's."""
        live = await self._found(person, id_)
        async with live.held():
            moment = await self._caught_up(live)
        catalogue = self._lender.base(live.row.method).catalogue
        answered = [
            Rated(step=s["number"], item=catalogue[s["item"]].key, title=s["title"], rating=round(s["reward"]))
            for s in moment.values["steps"]
        ]
        return Whole(**self._turn(live.row, moment).model_dump(), answered=answered)

    async def check(self, person: str | None, id_: str) -> None:
        """Raises Refused for a session that is unknown or another user's."""
        await self._found(person, id_)

    async def events(self, person: str | None, id_: str) -> AsyncIterator[Event]:
        """Yields the session's state, then its events until it ends or the listener goes."""
        live = await self._found(person, id_)
        with live.feed.listening() as events:
            async with live.held():
                moment = await self._caught_up(live)
            yield _event_of(self._turn(live.row, moment))
            if moment.over:
                return
            async for event in events:
                yield event

    @asynccontextmanager
    async def none_of(self, person: str) -> AsyncIterator[int]:
        """Releases all sessions of a person, and begins none meanwhile; yields how many there were.

        Their checkpoints are deleted here; their records must be deleted within the block.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._beginning.setdefault(person, asyncio.Lock()))
            ids = await self._records.sessions_of(person)
            for id_ in ids:
                if (live := self._live.get(id_)) is not None:
                    await stack.enter_async_context(live.lock)
                    live.forgotten = True
                    live.feed.tell(Event("end", {}))
                    self._live.pop(id_, None)
                await self._mover.forget(id_)
            yield len(ids)
            self._pace.forget(person)

    async def _found(self, person: str | None, id_: str, *, paced: bool = True) -> _Live:
        """Returns the session if it is the person's; None stands for anyone who knows its unguessable name."""
        live = self._live.get(id_)
        if live is None:
            row = await self._records.session(id_)
            if row is not None:
                live = self._live.get(id_) or _Live(row)
        if live is None or person not in (None, live.row.person):
            raise _unknown()
        if paced:
            self._pace.check(live.row.person)
        return live if live.row.ended else self._used(live)

    def _used(self, live: _Live) -> _Live:
        """Keeps the session in memory; of too many, the longest unused are released, and looked up when used again."""
        self._live.pop(live.row.id, None)
        self._live[live.row.id] = live
        if len(self._live) > _AT_HAND:
            others = [each for each in self._live.values() if each is not live]
            resting = [each for each in others if not each.wanted and not each.feed.heard]
            for each in resting[: len(self._live) - _AT_HAND]:
                del self._live[each.row.id]
        return live

    async def _caught_up(self, live: _Live, accepted: AnswerRow | None = None) -> Moment:
        """Moves the graph until it has taken every accepted answer and waits, or is over. Holds the lock."""
        id_, row = live.row.id, live.row
        if live.moment is None:  # it may have ended, or been forgotten, since its row was read
            if await self._records.session(id_) is None:
                raise _unknown()
            if (output := await self._records.output_of(id_)) is not None:
                self._live.pop(id_, None)
                return Moment(output, None, over=True)
        unsure, moment = live.moment is None, live.moment or await self._mover.stored(id_)
        live.moment = None  # unknown while it moves
        while not moment.over:
            move: Move = None
            if not moment.values:
                move = cast(LiveInput, {"user": row.person, "episode": row.episode, **row.opening})
            elif moment.question is not None:
                unheard = await self._records.answer_number(id_, moment.heard + 1) if unsure else accepted
                if unheard is None:
                    break
                move, accepted = Command(resume=unheard.said), None
            heard = moment.heard
            rated = len(moment.values.get("steps", []))
            moment = await self._mover.moved(row, live.feed, move)
            self._metrics.stepped(row.arm, moment.values["steps"][rated:])
            live.feed.tell(_event_of(self._turn(row, moment)))
            if isinstance(move, Command) and moment.heard == heard:
                raise EpisodeError(f"The graph did not take an answer that it was given: {moment.question}")
        if moment.over:
            await self._end(live, moment)
        else:
            live.moment = moment
        return moment

    async def _end(self, live: _Live, moment: Moment) -> None:
        """Writes the session's result; the graph's own state is not needed from then on."""
        output = output_of(moment.values)
        check_finite(output)
        await self._records.finish(live.row, dict(output))
        self._metrics.ended(live.row.arm, output["ended"], output["usage"])
        await self._mover.forget(live.row.id)
        self._live.pop(live.row.id, None)
        self._finished()

    def _turn(self, row: SessionRow, moment: Moment) -> Turn:
        deps = self._lender.base(row.method)
        horizon, steps = deps.worlds.train.horizon, moment.values.get("steps", [])
        if moment.question is None:
            totals = Totals.model_validate({name: moment.values[name] for name in Totals.model_fields})
            return Turn(
                session=row.id, user=row.person, step=len(steps), horizon=horizon, ended=moment.values["ended"],
                totals=totals,
            )  # fmt: skip
        question, item = moment.question, deps.catalogue[moment.values["decision"]["item"]]
        return Turn(
            session=row.id, user=row.person, step=question["step"], horizon=horizon, item=item.key,
            title=question["title"], categories=question["categories"], year=question["year"],
            why=question["thought"], stand_in=question.get("stand_in", ""), notice=question["problem"],
        )  # fmt: skip


def _unknown() -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "You have no session of that name; begin one with POST /sessions.")


def _event_of(turn: Turn) -> Event:
    return Event("end" if turn.ended else "item", turn.model_dump())
