"""Asking the LLM about the items of a catalogue, side by side; every answer is kept as it comes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from langchain_core.language_models import BaseChatModel

from billp.agents.prompt_pack import Prompt
from billp.agents.roles.appraiser import Appraiser
from billp.catalogue import Item
from billp.errors import BillpError
from billp.graphs.dependencies import Dependencies
from billp.memory import Answers, KnowledgeFile

log = logging.getLogger(__name__)
_PAUSE_S = 0.05  # between looks at whether an episode is asking


def open_items(deps: Dependencies, answers: Answers) -> list[Item]:
    """The items still to be asked about, the most rated by train users first.

    Of a catalogue with more than `memory.llm_items` only these: what hardly anybody rated a model hardly knows, and
    what it says of it would not take it to the top. The order decides which items are asked about, never what they
    are worth.
    """
    chosen = deps.catalogue.some(deps.ranking[: deps.settings.memory.llm_items].tolist())
    asked = answers.by_item()
    return list({item.text: item for item in chosen if item.text not in asked}.values())


async def ask_about(
    appraiser: Appraiser,
    items: Sequence[Item],
    file: KnowledgeFile,
    *,
    at_once: int,
    on_answer: Callable[[], None] | None = None,
    busy: Callable[[], bool] | None = None,
) -> None:
    """Asks about `items`, `at_once` of them side by side, and adds each answer to `file`.

    While it is `busy` no further one is asked. Raises ModelUnavailableError, ServerAwayError and OSError; what was
    answered before is kept.
    """
    waiting = iter(items)

    async def ask_in_turn() -> None:
        for item in waiting:
            while busy is not None and busy():  # noqa: ASYNC110 -- another thread's episodes, which set no event
                await asyncio.sleep(_PAUSE_S)
            appraisal = await appraiser.appraise(item)
            await asyncio.to_thread(file.add, item.text, appraisal.log_odds)
            if on_answer is not None:
                on_answer()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(ask_in_turn())


class Filling:
    """Knowledge filled in behind episodes: a thread that asks about items, with a model of its own event loop.

    An episode's own calls go first: none is begun while one of those is under way. Stop it before the server goes.
    """

    def __init__(
        self,
        model: Callable[[], BaseChatModel],
        prompt: Prompt,
        items: Sequence[Item],
        file: KnowledgeFile,
        busy: Callable[[], bool],
    ) -> None:
        self._model, self._prompt, self._items, self._file, self._busy = model, prompt, items, file, busy
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="knowledge", daemon=True)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> Self:
        """Begins to ask."""
        self._task = self._loop.create_task(self._ask())
        self._thread.start()
        return self

    def stop(self) -> None:
        """Asks no more; what was answered is kept."""
        task = self._task
        if task is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(task.cancel)
            self._thread.join(timeout=10)

    def wait(self) -> None:
        """Until every item was asked about."""
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task or asyncio.sleep(0))
        finally:
            self._loop.close()

    async def _ask(self) -> None:
        try:
            await ask_about(
                Appraiser(self._model(), self._prompt), self._items, self._file, at_once=1, busy=self._busy
            )  # fmt: skip
        except* (BillpError, OSError) as group:
            # Episodes go on without it; who asks for knowledge itself, by `billp knowledge build`, hears why.
            log.warning("No more is asked about items: %s", group.exceptions[0])
