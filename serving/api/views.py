"""The requests and answers of the HTTP interface."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""An idempotency key: printable characters without spaces."""


def _example(**fields: JsonValue) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [fields]})


class NewSession(BaseModel):
    """Who is there, and what they like."""

    model_config = _example(user="Ada", likes=["Fargo", "Toy Story"])

    user: Name | None = Field(
        None,
        description="Your name, or the id of a user of the logs; with a token it may be left out",
    )
    likes: list[Title] = Field(
        [], max_length=50, description="Titles you like, oldest first; none: the user's history in the logs, if any"
    )
    wish: str = Field("", max_length=200, description="What to begin with, in words, as in an answer")
    episode: Name | None = Field(
        None, description="Name on which all chance depends, to repeat a session; only where nothing is learned"
    )


class Answer(BaseModel):
    """What a person says to an item: a rating, a wish for something else, leaving, or a rating with either."""

    model_config = _example(rating=4, step=1)

    rating: int | None = Field(None, ge=1, le=5, strict=True, description="Stars, from 1 to 5")
    leave: bool = Field(False, strict=True, description="End the session; without a rating the item counts as 1 star")
    wish: str = Field(
        "", max_length=200, description='What to recommend next, in words: "something lighter", "no more war films"'
    )
    why: str = Field("", max_length=200, description="Why the session is left, which becomes its lesson")
    step: int | None = Field(None, ge=1, description="Which step is answered; another than the one at hand is refused")

    @property
    def said(self) -> dict[str, Any]:
        """What the graph is resumed with."""
        return self.model_dump(exclude={"step"}, exclude_defaults=True)


class Totals(BaseModel):
    """What a session came to: Len, R_each and R_traj."""

    model_config = _example(length=12, reward_each=3.75, reward_trajectory=45.0)

    length: int
    reward_each: float
    reward_trajectory: float


class Rated(BaseModel):
    """A step that was answered."""

    model_config = _example(step=1, item="318", title="Schindler's List (1993)", rating=5)

    step: int
    item: str
    title: str
    rating: int


class Turn(BaseModel):
    """Where a session stands: the item at hand and why it was chosen, or how the session ended."""

    model_config = _example(
        session="5f0c1d9e6b7a4c2f8e3d1a0b9c8d7e6f", user="Ada", step=2, horizon=50, item="100", title="Fargo (1996)",
        categories=["Crime", "Drama", "Thriller"], year=1996, why="Crime had a cooldown of three steps.",
        ended="", totals=None,
    )  # fmt: skip

    session: str
    user: str
    step: int = Field(description="The step at hand, from 1; once it is over, the last one")
    horizon: int = Field(description="Steps after which a session ends")
    item: str | None = Field(None, description="The item's id in the catalogue; none once the session is over")
    title: str = ""
    categories: list[str] = []
    year: int | None = None
    why: str = Field("", description="What was asked for, and the plan in force; empty for methods without one")
    stand_in: str = Field("", description="That `why` is in the words of a model that knows nothing; empty otherwise")
    notice: str = Field("", description="Why the last wish could not be met; empty where it could")
    ended: str = Field("", description="Why the session ended, `left` or `horizon`; empty while it goes on")
    totals: Totals | None = None


class Whole(Turn):
    """Where a session stands, and every step before."""

    answered: list[Rated] = []


class Forgotten(BaseModel):
    """What was deleted."""

    model_config = _example(sessions=3, memories=1, records=41)

    sessions: int
    memories: int = Field(description="Memories of the person's own")
    records: int = Field(description="What the person had taught to a memory that others share")


class Health(BaseModel):
    """Whether the service works."""

    model_config = _example(status="ok", open_sessions=12, unlearned=0)

    status: str
    open_sessions: int
    unlearned: int = Field(description="Finished sessions that wait to be learned from")
