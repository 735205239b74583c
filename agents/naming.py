"""Finds the categories that plain words name or refuse, without a language model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def _words(text: str) -> frozenset[str]:
    return frozenset(map(_singular, text.split()))


_REFUSALS = _words(
    "no not nothing without avoid never less fewer enough stop hate dislike except skip nor neither cannot cant dont "
    "doesnt didnt wont isnt arent"
)
_REFUSALS_OF_TWO = frozenset(
    [
        ("instead", "of"), ("rather", "than"), ("anything", "but"), ("tired", "of"), ("sick", "of"), ("too", "much"),
        ("too", "many"), ("up", "with"), ("bored", "with"), ("bored", "by"), ("bored", "of"),
        ("leave", "out"),
    ]
)  # fmt: skip
_TURNS = _words("but then")  # what follows is wanted
_TURNS_AFTER_ONE = _words("more rather instead prefer")  # likewise, but not as in "I want no more"
_LIST_GOES_ON = _words("or and nor")
_LIST_ENDS = _words("or and nor but then please")
_SAYS_NOTHING = _words(
    "a an the some something anything any more most other another else all film movie movies book game item series "
    "show one  please i me my want would like id ive im give let lets see watch read play next for of with to and or "
    "in on do be  is are have had just really maybe kind genre category sort type what about how could you we it that "
    "this these  those recommend suggest can need only from now much many so too again try get got been prefer rather "
    "instead than  but then tired sick bored up fed leave out good great nice by time stand"
)
_STOPS = frozenset(".;:!?")


@dataclass(frozen=True, slots=True)
class Named:
    """Categories named as wanted and as refused, in the words' order.

    `said` are the words that this leaves unread, `against` the ones of them where things are refused.
    """

    wanted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


def categories_named(text: str, known: Iterable[str]) -> Named:
    """Returns the categories of `known` that `text` names, in singular or plural, with or without hyphens.

    A category is refused after "no", "enough of", "instead of" and the like, up to the end of the sentence, to "but",
    "then" or "more", or to a comma that does not separate listed categories: all of "no horror, war or crime". For a
    category that is both wanted and refused, the last mention counts.
    """
    names: dict[tuple[str, ...], str] = {}
    for name in known:
        if key := _key(name):
            names |= {("".join(key),): name, key: name}
    longest = max((len(key) for key in names), default=0)
    tokens = re.findall(r"[\w&'’-]+|[.,;:!?]", text.casefold())
    parts = [part for token in tokens for part in _parts(token)]
    found: dict[str, bool] = {}
    said: list[str] = []
    against: list[str] = []
    refusing, refused_one = False, False
    at = 0
    while at < len(parts):
        name, width = _name_at(parts, at, names, longest)
        if width:
            found.pop(name, None)
            found[name] = not refusing
            refused_one = refusing
            at += width
            continue
        part = parts[at]
        before = parts[at - 1] if at else ""
        if part in _STOPS:
            refusing = False
        elif part == ",":
            refusing = refusing and _list_goes_on(parts, at + 1, names, longest)
        elif part in _REFUSALS or (before, part) in _REFUSALS_OF_TWO:
            refusing, refused_one = True, False
        elif part in _TURNS or (part in _TURNS_AFTER_ONE and refused_one):
            refusing = False
        elif part not in _SAYS_NOTHING:
            said.append(part)
            against += [part] if refusing else []
        at += 1
    return Named(
        tuple(name for name, wanted in found.items() if wanted),
        tuple(name for name, wanted in found.items() if not wanted),
        tuple(said),
        tuple(against),
    )


def _parts(token: str) -> list[str]:
    """Returns a token's words in the singular: hyphens separate them, apostrophes do not."""
    return [_singular(word) for word in re.split(r"[-&_]+", re.sub(r"['’]", "", token)) if word]


def _key(name: str) -> tuple[str, ...]:
    return tuple(part for token in re.findall(r"[\w&'’-]+", name.casefold()) for part in _parts(token))


def _name_at(parts: Sequence[str], at: int, names: dict[tuple[str, ...], str], longest: int) -> tuple[str, int]:
    """Returns the longest name that begins at `at`, and its number of parts; 0 if there is none."""
    for width in range(min(longest, len(parts) - at), 0, -1):
        if name := names.get(tuple(parts[at : at + width])):
            return name, width
    return "", 0


def _list_goes_on(parts: Sequence[str], at: int, names: dict[tuple[str, ...], str], longest: int) -> bool:
    """Returns whether after a comma there is a category and then an end, "or", "and" or another comma."""
    while at < len(parts) and parts[at] in _LIST_GOES_ON:
        at += 1
    _, width = _name_at(parts, at, names, longest)
    after = at + width
    return width > 0 and (after == len(parts) or parts[after] in _LIST_ENDS | _STOPS | {","})
