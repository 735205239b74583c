"""Reads a chat model's message, from any server or provider.

Servers differ: content comes in parts, thinking is in the text or beside it, a log-probability is missing or not a
number. What cannot be used is left out and counted as a format failure; no value is guessed from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata

from billp.agents.llm.usage import Usage

NO_THINKING = (
    'switch thinking off, for example with llm.extra_body = {"chat_template_kwargs": {"enable_thinking": false}}, or '
    "give the role more max_tokens"
)
_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_CLOSED = re.compile(r"^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)  # some templates open the block in the prompt
_OPENED = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_NOTHING = Usage()
_MOST_TOKENS = 100_000_000  # a count beyond this is no count
_LEAST = -1e300  # integers of JSON have no end, and beyond this are no floats
_ROUNDING = 1e-3  # rounding, in nats above 0, of a certain token's log-probability


@dataclass(frozen=True, slots=True)
class Reply:
    """The text, and log-probabilities of the first token's most likely alternatives if asked for.

    `problem` says why there is no text, if the reason is known.
    """

    text: str
    first_token: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = _NOTHING
    problem: str = ""


def reply_of(message: BaseMessage, seconds: float) -> Reply:
    """Returns the content of `message`; `seconds` is its duration if the message does not say."""
    known = message.response_metadata
    text, problem = _text(message)
    first_token, bad_scores = _first_token(known.get("logprobs"))
    counts = _counts(message.usage_metadata if isinstance(message, AIMessage) else None)
    failures = int(bad_scores) + int(counts is None) + int(known.get("format_failures") or 0)
    prompt, cached, completion = counts or (0, 0, 0)
    usage = Usage(1, prompt, cached, completion, float(known.get("seconds", seconds)), failures)
    return Reply(text, first_token, usage, str(known.get("problem") or problem))


def message_of(reply: Reply, model: str) -> AIMessage:
    """Returns a message of the model named `model` that `reply_of` reads as `reply`."""
    usage = reply.usage
    known: dict[str, Any] = {"model_name": model, "seconds": usage.seconds}
    if reply.first_token:
        top = [{"token": token, "logprob": logprob} for token, logprob in reply.first_token.items()]
        known["logprobs"] = {"content": [{"top_logprobs": top}]}
    if usage.format_failures:
        known["format_failures"] = usage.format_failures
    if reply.problem:
        known["problem"] = reply.problem
    return AIMessage(
        reply.text,
        response_metadata=known,
        usage_metadata=usage_metadata(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens),
    )


def usage_metadata(prompt: int, cached: int, completion: int) -> UsageMetadata:
    """Returns token counts in LangChain's form."""
    return UsageMetadata(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=prompt + completion,
        input_token_details=InputTokenDetails(cache_read=cached),
    )


def token_counts(prompt: object, cached: object, completion: object) -> tuple[int, int, int] | None:
    """Returns a server's token counts, 0 where it gives none; None if one is invalid or too many are cached."""
    counts = _token_count(prompt), _token_count(cached), _token_count(completion)
    sent, kept, said = counts
    if sent is None or kept is None or said is None or kept > sent:
        return None
    return sent, kept, said


def _token_count(value: object) -> int | None:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TOKENS:
        return None
    return value


def _counts(usage: UsageMetadata | None) -> tuple[int, int, int] | None:
    """Returns prompt, cached and completion tokens; None if one of them is not a count."""
    if usage is None:
        return 0, 0, 0
    details = usage.get("input_token_details") or {}
    return token_counts(usage["input_tokens"], details.get("cache_read"), usage["output_tokens"])


def _text(message: BaseMessage) -> tuple[str, str]:
    """Returns the message's words without its thinking, and why there are none."""
    text = _THOUGHT.sub("", str(message.text))
    text = _CLOSED.sub("", text, count=1)
    if _OPENED.search(text):
        return "", f"the model was still thinking when its tokens were used up; {NO_THINKING}"
    extra = message.additional_kwargs
    if not text.strip() and (extra.get("reasoning_content") or extra.get("reasoning")):
        return "", f"the model thought and then said nothing; {NO_THINKING}"
    return text, ""


def _first_token(logprobs: object) -> tuple[dict[str, float], bool]:
    """Returns log-probabilities of the first token's alternatives, and whether some were invalid."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else logprobs  # Ollama's is the list itself
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return {}, False
    alternatives = content[0].get("top_logprobs")
    if not isinstance(alternatives, list):
        return {}, alternatives is not None
    found: dict[str, float] = {}
    for entry in alternatives:
        token, logprob = (entry.get("token"), entry.get("logprob")) if isinstance(entry, dict) else (None, None)
        if not isinstance(token, str) or not isinstance(logprob, int | float) or isinstance(logprob, bool):
            return {}, True
        if not _LEAST <= logprob <= _ROUNDING:  # nor is it one of NaN
            return {}, True
        found[token] = float(logprob)
    return found, False
