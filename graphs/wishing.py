"""A live person's wish as it travels through the graph."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import TypedDict  # pydantic reads TypedDicts of `typing` only from Python 3.12 on

from billp.agents.wishes import Wish


class WishState(TypedDict):
    """What a live person asked for, as `agents.wishes.Wish` explains, and what has become of it."""

    words: list[str]
    wanted: list[str]
    unwanted: list[str]
    refused: list[str]
    together: bool
    until: int
    asked: str
    """Words that nobody has read yet; empty otherwise."""
    rated: bool
    """Whether they came with a rating of the item on the screen; if not, that item goes and another comes."""
    notice: str
    """Why the last wish could not be met; empty where it could."""
    passed: list[int]
    """Items that went because the person asked for something else."""


def wish_from(kept: WishState) -> Wish:
    """A wish as it travels through the graph."""
    return Wish(
        words=tuple(kept["words"]),
        wanted=tuple(kept["wanted"]),
        unwanted=tuple(kept["unwanted"]),
        refused=tuple(kept["refused"]),
        together=kept["together"],
        until=kept["until"],
    )


def wish_state(wish: Wish, passed: Sequence[int] = (), notice: str = "") -> WishState:
    """`wish` as it travels through the graph, with nothing left to be read."""
    return WishState(
        words=list(wish.words),
        wanted=list(wish.wanted),
        unwanted=list(wish.unwanted),
        refused=list(wish.refused),
        together=wish.together,
        until=wish.until,
        asked="",
        rated=False,
        notice=notice,
        passed=list(passed),
    )
