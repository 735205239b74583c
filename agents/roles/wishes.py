"""Wishes: what a person asks for in words, as categories to recommend and to leave out in this session."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.language_models import BaseChatModel

from billp.agents.llm.abilities import abilities_of
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.schema import object_in, object_of, some_of, strings_in
from billp.agents.llm.truncation import ask_fitting
from billp.agents.llm.usage import Usage
from billp.agents.naming import Named, categories_named
from billp.agents.observation import show
from billp.agents.prompt_pack import Prompt, clean
from billp.catalogue import Catalogue, Item
from billp.errors import ReplyFormatError
from billp.settings import PlannerSettings

_MOST_OFFERED = 64  # categories, the most frequent ones, that a language model chooses from
_MOST_NAMED = 2  # categories that it may want, or refuse, for one wish; small models use all that they are allowed
_SHOWN = 20  # categories that are listed to a person
_LONGEST = 200  # characters of a wish
_NO_WISH = re.compile(r"\W*(anything( else)?|whatever|never ?mind|forget (it|that|my wish(es)?)|no wish(es)?|"
                      r"surprise me)\W*", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for.

    `wanted` and `unwanted` hold until step `until`, `refused` as long as the session does. `together` says that one
    item should have all of `wanted`. `words` are the person's own, all of them that still hold.
    """

    words: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    together: bool = False
    until: int = 0

    def at(self, steps: int) -> Wish:
        """Returns what of it still holds after `steps` steps."""
        if steps < self.until or not (self.wanted or self.unwanted):
            return self
        return Wish(words=self.words, refused=self.refused) if self.refused else Wish()

    def then(self, newer: Wish) -> Wish:
        """Returns both wishes; the `newer` one overrides what the older one wants and refuses."""
        refused = [name for name in self.refused if name not in newer.wanted]
        said = self.words if refused else ()
        return replace(
            newer,
            words=tuple(dict.fromkeys((*said, *newer.words))),
            refused=tuple(dict.fromkeys((*refused, *newer.refused))),
        )

    def sentence(self) -> str:
        """Returns why something is recommended, for the person; empty if nothing is wished."""
        if not (self.wanted or self.unwanted or self.refused):
            return ""
        parts = [(" and " if self.together else " or ").join(self.wanted)] if self.wanted else []
        without = [*self.refused, *(name for name in self.unwanted if name not in self.refused)]
        if without:
            parts.append(f"no {' and no '.join(without)}")
        asked = " and ".join(f'"{words}"' for words in self.words)
        return f"Because you asked for {asked}: {', '.join(parts)}."


@dataclass(frozen=True, slots=True)
class Heard:
    """A wish as it was understood; `problem` says in a sentence why nothing can be done about it."""

    wish: Wish
    problem: str = ""
    usage: Usage = field(default_factory=Usage)


def not_wished(catalogue: Catalogue, wish: Wish, masked: Collection[int]) -> set[int]:
    """Returns the items that `wish` excludes, among those that are not `masked` anyhow.

    It excludes all items that are not wanted, if there are wanted ones; otherwise the refused ones, if there are
    others. What was explicitly refused weighs more than what was inferred to be unwanted.
    """
    free = set(range(len(catalogue))).difference(masked)
    allowed = [free - _with_any(catalogue, names) for names in ((*wish.refused, *wish.unwanted), wish.refused)]
    for left in allowed if wish.wanted else ():
        every = left.intersection(*(catalogue.of_category[name] for name in wish.wanted)) if wish.together else set()
        if some := every or left & _with_any(catalogue, wish.wanted):
            return free - some
    return free - next(filter(None, allowed), free)


def cannot_be_met(catalogue: Catalogue, wish: Wish, masked: Collection[int]) -> str:
    """Returns why `wish` cannot be met, in a sentence; empty if it can."""
    left = set(range(len(catalogue))).difference(masked, _with_any(catalogue, wish.refused))
    refused = " or ".join(wish.refused)
    if wish.wanted and not left & _with_any(catalogue, wish.wanted):
        without = f" without being {refused}" if refused else ""
        return f"No item here that you have not seen is {' or '.join(wish.wanted)}{without}."
    return "" if left else f"Every item here that you have not seen is {refused}."


def _with_any(catalogue: Catalogue, names: Sequence[str]) -> set[int]:
    return set().union(*(catalogue.of_category[name] for name in names))


class WishReader:
    """Reads wishes: named categories are taken as they are, and a language model reads all other words."""

    def __init__(self, model: BaseChatModel | None, prompt: Prompt, settings: PlannerSettings) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings

    async def read(self, words: str, catalogue: Catalogue, shown: Item | None, steps: int, seed: int) -> Heard:
        """Returns what `words` ask for, said after `steps` steps with the item `shown` on the screen.

        Raises ModelUnavailableError if the model is asked and cannot be reached.
        """
        said = clean(words, _LONGEST)
        if _NO_WISH.fullmatch(said):
            return Heard(Wish())
        named, usage, unread = categories_named(said, catalogue.categories), Usage(), ""
        inferred = Named()
        if self._model is not None and catalogue.categories and (named.said or not (named.wanted or named.refused)):
            try:
                inferred, usage = await self._inferred(self._model, said, named, catalogue, shown=shown, seed=seed)
            except ReplyFormatError:
                unread = " (the model's answer could not be read)"
        until = steps + self._settings.steps
        wish = _joined(said, named, inferred, until)
        if not (wish.wanted or wish.unwanted or wish.refused):
            there = ", ".join(catalogue.frequent[:_SHOWN]) or "none"
            return Heard(Wish(), f'No category here is "{said}"{unread}; the categories are {there}.', usage)
        return Heard(wish, "", usage)

    async def _inferred(
        self, model: BaseChatModel, words: str, named: Named, catalogue: Catalogue, *, shown: Item | None, seed: int
    ) -> tuple[Named, Usage]:
        """Returns the meaning of words that name nothing; asking or refusing is told without the model."""
        asked = ["wanted"] if len(named.said) > len(named.against) or not named.said else []
        asked += ["refused"] if named.against else []
        offered = catalogue.frequent[:_MOST_OFFERED]
        labels = {clean(name, 40): name for name in offered}
        request = Request(
            role="planner",
            system=self._prompt.fixed,
            user="",
            temperature=0.0,
            max_tokens=self._settings.wish_max_tokens,
            seed=seed,
            schema=object_of({name: some_of(list(labels), _MOST_NAMED) for name in asked}),
        )
        able = abilities_of(model)

        def parse(reply: Reply) -> Named:
            try:
                found = object_in(reply.text)
            except ReplyFormatError:
                if able.schema:
                    raise
                return categories_named(reply.text, offered)
            wanted, refused = (
                tuple(labels[name] for name in strings_in(found, key) if name in labels) if key in asked else ()
                for key in ("wanted", "refused")
            )
            return Named(wanted, refused)

        values = {"wish": words, "categories": list(labels), "shown": [show(shown)] if shown else []}
        return await ask_fitting(model, request, self._prompt, values, parse=parse, retries=self._settings.retries)


def _joined(words: str, named: Named, inferred: Named, until: int) -> Wish:
    """Returns what was named and what a model inferred, joined; where they differ, the named one and refusals count.

    If something is wanted, what the model refuses holds as long as that: lighter films, and so no war. Two wanted
    categories, one of them named, without "or" or a comma between them, are meant of one item: "a romantic comedy".
    """
    refused = [name for name in inferred.refused if name not in named.wanted]
    wanted = [name for name in inferred.wanted if name not in (*named.refused, *refused)]
    wanted = list(dict.fromkeys((*named.wanted, *wanted)))
    return Wish(
        words=(words,),
        wanted=tuple(wanted),
        unwanted=tuple(refused) if wanted else (),
        refused=tuple(dict.fromkeys((*named.refused, *(() if wanted else refused)))),
        together=len(wanted) == 2 and bool(named.wanted) and re.search(r",|\bor\b", words, re.IGNORECASE) is None,
        until=until if wanted else 0,
    )
