"""Refuses requests of the right form that the graph would not understand."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from pydantic import ValidationError

from billp.catalogue import Catalogue
from billp.errors import BadInputError
from billp.graphs.live import PersonAnswer
from billp.graphs.titles import items_named
from billp.serving.api.problems import Refused, sentence
from billp.serving.api.views import Answer, NewSession


async def check_new(asked: NewSession, catalogue: Catalogue) -> None:
    """Raises Refused for a wish without words, and for a liked title that names no item or more than one."""
    if asked.wish:
        check_answer(Answer(wish=asked.wish))
    try:
        await asyncio.to_thread(items_named, catalogue, asked.likes)
    except BadInputError as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"likes: {error}") from None


def check_answer(given: Answer) -> None:
    """Raises Refused for an answer that the graph would not take."""
    try:
        PersonAnswer.model_validate(given.said)
    except ValidationError as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, sentence(error)) from None
