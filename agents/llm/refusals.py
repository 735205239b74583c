"""Turns a server's answer that is not a reply into the error to raise, with the server's own words in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from billp.agents.llm.asking import asking
from billp.agents.llm.retrying import AwayError, MomentaryError, retry_after
from billp.agents.prompt_pack import clean
from billp.errors import ContextOverflowError, ModelUnavailableError
from billp.setting_groups import LLMSettings

_SECRET_FROM = 8  # characters
_QUOTED = 240  # characters of what a server said
# How llama.cpp, vLLM, OpenAI, Anthropic and Google say that a prompt is too long; the status does not tell.
TOO_LONG = re.compile(
    rb"exceed_context_size|maximum context length|context_length_exceeded|longer than the maximum model"
    rb"|prompt is too long|exceeds the maximum number of tokens"
)


def refusal(
    status: int, content: bytes, headers: Mapping[str, str], *, base_url: str, where: str, settings: LLMSettings
) -> Exception:
    """Returns the error for `status`, quoting `content`, from which the API key was removed.

    ContextOverflowError for a prompt that is too long, AwayError for a gateway without a server, MomentaryError if the
    same call may succeed later, ModelUnavailableError if it never will.
    """
    words = _said(content)
    quoted = f"status {status}" + (f": {words}" if words else "")
    if status in (200, 400, 413) and TOO_LONG.search(content):
        return ContextOverflowError(
            f"The {asking.get()}'s prompt is longer than the context of the LLM server at {base_url}; serve "
            f"the model with a larger one (vllm.max_model_len, llm.context)."
        )
    if status in (502, 503, 504):
        return AwayError(quoted, retry_after(headers.get("Retry-After")))
    if status in (408, 409, 429) or status >= 500:
        return MomentaryError(quoted, retry_after(headers.get("Retry-After")))
    if 300 <= status < 400:
        place = without_key(_place(headers.get("Location", "")).encode(), settings).decode()
        remedy = f"it redirects to {place}, which is not followed; name that in llm.base_url"
    elif status == 404 and not base_url.rstrip("/").endswith("/v1"):
        remedy = "end llm.base_url in /v1, or check llm.model"
    else:
        remedy = "check llm.model, llm.api_key and the context length"
    return ModelUnavailableError(f"{where} refused the {asking.get()} call with {quoted.rstrip('.')}; {remedy}.")


def without_key(content: bytes, settings: LLMSettings) -> bytes:
    """Returns a server's answer without the API key: some servers echo the headers they were sent."""
    key = settings.api_key.get_secret_value().encode()
    # A short one is not a secret but a word such as `none` or `EMPTY`, which a reply may contain.
    return content.replace(key, b"[api key]") if len(key) >= _SECRET_FROM else content


def _place(location: str) -> str:
    """Returns an address without user name, password and query, which may be secret."""
    try:
        url = urlsplit(location)
    except ValueError:
        return "another place"
    host = f"{url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}" if url.hostname else ""
    return clean(f"{host}{url.path}") or "another place"


def _said(content: bytes) -> str:
    """Returns an error's message in one line; empty for an HTML page."""
    text = content.decode(errors="replace").strip()
    try:
        message = _message_in(json.loads(text))
    except (ValueError, RecursionError):
        return "" if text.startswith("<") else clean(text, _QUOTED)
    return clean(message or text, _QUOTED)


def _message_in(answer: object) -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, dict):
        for name in ("error", "message", "detail"):
            if found := _message_in(answer.get(name)):
                return found
    return ""
