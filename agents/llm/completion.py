"""The parts of an OpenAI-compatible server's reply that are read, whole or as a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from pydantic import BaseModel, ConfigDict, Field

from billp.agents.llm.reading import token_counts, usage_metadata


class _Open(BaseModel):
    # A server's answer may contain what it was sent, the API key included: errors do not quote it.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _Message(_Open):
    content: str | list[str | dict[str, Any]] | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(_Open):
    message: _Message
    logprobs: Any = None
    finish_reason: Any = None


class _Part(_Open):
    delta: _Message = _Message()
    finish_reason: Any = None


class Completion(_Open):
    """The parts of a chat completion that are read; log-probabilities and usage are checked where they are used."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Any = None

    def message(self, model: str, seconds: float) -> AIMessage:
        """Returns the reply as a message of the model named `model`, which took `seconds`."""
        choice = self.choices[0]
        counts, failures = _counted(self.usage)
        known: dict[str, Any] = {"model_name": model, "seconds": seconds}
        if choice.logprobs is not None:
            known["logprobs"] = choice.logprobs
        if isinstance(choice.finish_reason, str):
            known["finish_reason"] = choice.finish_reason
        if failures:
            known["format_failures"] = failures
        return AIMessage(
            choice.message.content or "",
            additional_kwargs=_thinking(choice.message),
            response_metadata=known,
            usage_metadata=counts,
        )


class Piece(_Open):
    """One event of a streamed chat completion."""

    choices: list[_Part] = []
    usage: Any = None

    def chunk(self) -> AIMessageChunk:
        """Returns what it adds to the reply."""
        message = self.choices[0].delta if self.choices else _Message()
        return AIMessageChunk(content=message.content or "", additional_kwargs=_thinking(message))


def last_chunk(model: str, seconds: float, usage: object) -> AIMessageChunk:
    """Returns the end of a stream: what the reply cost."""
    counts, failures = _counted(usage)
    known: dict[str, Any] = {"model_name": model, "seconds": seconds}
    if failures:
        known["format_failures"] = failures
    return AIMessageChunk(content="", response_metadata=known, usage_metadata=counts, chunk_position="last")


def failure_in(answer: object) -> int | None:
    """Returns the status of an error sent with status 200, 200 if it names none; None if `answer` is no error."""
    if not isinstance(answer, dict) or answer.get("choices"):
        return None
    error = answer.get("error") or (answer if answer.get("object") == "error" else None)
    if error is None:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    code = code if code is not None else answer.get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 200


def _thinking(message: _Message) -> dict[str, Any]:
    """Returns what the model thought, if the server separates it from what the model said."""
    thought = message.reasoning_content or message.reasoning
    return {"reasoning_content": thought} if isinstance(thought, str) else {}


def _counted(usage: object) -> tuple[UsageMetadata | None, int]:
    """Returns token counts, None if there are none, and 1 if they are absurd."""
    if usage is None:
        return None, 0
    if not isinstance(usage, Mapping):
        return None, 1
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    counts = token_counts(usage.get("prompt_tokens"), cached, usage.get("completion_tokens"))
    return (None, 1) if counts is None else (usage_metadata(*counts), 0)
