"""What the LLM says of a catalogue's items: asking it, keeping each answer, and asking on behind running episodes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from langchain_core.language_models import BaseChatModel

from billp.agents.prompt_pack import Prompt, PromptPack
from billp.agents.roles.appraiser import Appraiser, question_of
from billp.catalogue import Item
from billp.errors import BillpError
from billp.graphs.dependencies import Dependencies
from billp.memory import Answers, Knowledge, KnowledgeFile

if TYPE_CHECKING:
    from billp.graphs.resources import Resources

log = logging.getLogger(__name__)
_PAUSE_S = 0.05  # between looks at whether an episode is asking


def open_items(deps: Dependencies, answers: Answers) -> list[Item]:
    """Returns the items still to be asked about, the ones most rated by train users first.

    Of a catalogue with more than `memory.llm_items` items only the most rated are asked about: a model hardly knows
    an item that few people rated, and its answer would not take that item to the top. The order decides which items
    are asked about, never what they are worth.
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
    """Asks about `items`, `at_once` of them side by side, and adds each answer to `file` as it comes.

    No new question is begun while `busy` is true. Raises ModelUnavailableError, ServerAwayError and OSError; answers
    that came before are kept.
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
    """A thread that asks about items behind running episodes, with a model of its own event loop.

    Calls of episodes go first: no question is begun while one of them is under way. Stop it before the server stops.
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
        """Asks no more; answers that came are kept."""
        task = self._task
        if task is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(task.cancel)
            self._thread.join(timeout=10)

    def wait(self) -> None:
        """Waits until every item was asked about."""
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
            # Episodes go on without the answers; `billp knowledge build` tells a person why it failed.
            log.warning("No more is asked about items: %s", group.exceptions[0])


class ItemKnowledge:
    """What the model of some resources says of items: from the file that all runs share, or from a run's tape."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def file(self, pack: PromptPack) -> KnowledgeFile:
        """Returns the file of the answers to the question of `pack`."""
        resources = self._resources
        llm = resources.settings.llm
        name = llm.model if llm.base_url else resources.model_name
        folder = resources.settings.data / "knowledge"
        return KnowledgeFile.of(folder, name, resources.model_digest, question_of(pack["item"]))

    def answers(self, pack: PromptPack) -> Answers:
        """Returns what the model said of items so far, asked in the words of `pack`.

        With a tape these are the answers that were known when its recording began.
        """
        resources, tape = self._resources, self._resources.tape
        if tape is None:
            return self.file(pack).read()
        model, question = resources.settings.llm.model, question_of(pack["item"])
        if resources.settings.run.tape == "record":
            said = self.file(pack).read()
            tape.add_knowledge(model, question, said.name, said.text)
        recorded = tape.knowledge_of(model, question)
        return Answers.in_text(*recorded) if recorded else Answers("", ())

    def told(self, deps: Dependencies, *, growing: bool = False) -> Dependencies:
        """Returns `deps` that know what the model said of the items; with `growing` also what it says later.

        Knowledge grows for people, whose episodes begin at once while the model is still being asked about items. In a
        measured run it does not, so that each decision is explained by what was known when the run began.
        """

        def newest() -> Knowledge:
            return self.answers(deps.pack).of(deps.catalogue)

        return replace(deps, belief_model=deps.belief_model.knowing(newest(), newest if growing else None))

    def fill_behind(self, deps: Dependencies) -> None:
        """Asks an embedded model about the items while episodes go on, until the resources close.

        The stand-in is not asked, since it knows nothing. Models behind servers and providers are not asked either,
        since their calls may cost money: `billp knowledge build` asks them. With a tape, nothing is asked that is not
        on it.
        """
        resources, settings = self._resources, self._resources.settings
        embedded = settings.llm.gguf is not None and not settings.llm.base_url and resources.model_name != "given"
        if deps.roles is None or not embedded or settings.run.tape != "off" or not settings.memory.llm_knowledge:
            return
        file = self.file(deps.pack)
        items = open_items(deps, file.read())
        if items:
            model = resources.model
            filling = Filling(resources.another_model, deps.pack["item"], items, file, lambda: model.busy)
            resources.at_close(filling.start().stop)
