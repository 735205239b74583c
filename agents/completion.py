"""The part of an OpenAI-compatible server's reply that is read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Open(BaseModel):
    # What a server answers may hold what it was sent, the API key included: errors do not quote it.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _TokenScore(_Open):
    token: str
    logprob: float


class _Token(_TokenScore):
    top_logprobs: list[_TokenScore] = []


class _Logprobs(_Open):
    content: list[_Token] | None = None


class _Message(_Open):
    content: str | None = None


class _Choice(_Open):
    message: _Message
    logprobs: _Logprobs | None = None


class _CachedTokens(_Open):
    cached_tokens: int | None = None


class Tokens(_Open):
    """What a call cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _CachedTokens | None = None


class Completion(_Open):
    """The part of a chat completion that is read."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Tokens | None = None
