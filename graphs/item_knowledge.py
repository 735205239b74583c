"""What resources' model says of items: from the file that all runs share or from a run's tape; and filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billp.agents.prompt_pack import PromptPack
from billp.agents.roles.appraiser import question_of
from billp.graphs.appraising import Filling, open_items
from billp.graphs.dependencies import Dependencies
from billp.memory import Answers, Knowledge, KnowledgeFile

if TYPE_CHECKING:
    from billp.graphs.resources import Resources


class ItemKnowledge:
    """The answers of the resources' model."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def file(self, pack: PromptPack) -> KnowledgeFile:
        """Where the answers to the question of `pack` are kept."""
        resources = self._resources
        llm = resources.settings.llm
        name = llm.model if llm.base_url else resources.model_name
        folder = resources.settings.data / "knowledge"
        return KnowledgeFile.of(folder, name, resources.model_digest, question_of(pack["item"]))

    def answers(self, pack: PromptPack) -> Answers:
        """What the model said of items so far, asked in the words of `pack`.

        Where calls go onto a tape or come from one, it is what was known when the tape was begun.
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
        """`deps` that know what the model says of the items by now; where it is `growing`, also what it says later.

        What grows is for people, with whom an episode begins at once and knowledge is filled in behind it. In a run
        that is measured each decision is explained by what was known when the run began.
        """

        def newest() -> Knowledge:
            return self.answers(deps.pack).of(deps.catalogue)

        return replace(deps, belief_model=deps.belief_model.knowing(newest(), newest if growing else None))

    def fill_behind(self, deps: Dependencies) -> None:
        """Asks an embedded model about the items while episodes go on, until the resources close.

        Not the stand-in, which knows nothing; nor models behind servers and providers, whose calls may cost money:
        these are asked by `billp knowledge build`. With a tape, nothing is asked that is not on it.
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
