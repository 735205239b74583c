"""Does a server hold replies to the form asked for? One tiny call tells."""

from __future__ import annotations

from agents.models import Model, Request
from errors import ConstraintsIgnoredError

_WORDS = ("zyzzyva", "quokka")
"""No model would say one of these by itself, so that an ignored constraint shows."""


async def check_constraints(model: Model, where: str) -> None:
    """Asks for one of two unlikely words; `where` names the server in errors.

    Raises ConstraintsIgnoredError when something else comes, ModelUnavailableError or ServerAwayError when nothing
    does.
    """
    reply = await model.ask(
        Request(
            role="canary", system="Answer in one word.", user="What colour is the sky?", temperature=0.0,
            max_tokens=24, seed=0, choices=_WORDS,
        )
    )  # fmt: skip
    if reply.text.strip().strip('"') not in _WORDS:
        raise ConstraintsIgnoredError(
            f"{where} ignores constraints: it said {reply.text[:40]!r}; use a server that enforces "
            f"response_format json_schema."
        )
