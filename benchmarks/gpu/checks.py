"""Asks a server for what the application relies on: constrained choice, log-probabilities, prefix cache, refusals.

    python -m benchmarks.gpu.checks --base-url URL --model NAME

The key is BILLP_LLM_API_KEY; the server must ask for it. Exit code 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from billp.settings import load_settings

_CHOICES = ("zyzzyva", "quokka", 'a "quoted" title, The (1995)')  # no model would say these by itself
_LETTERS = ("A", "B", "C", "D", "E", "F")
_TOO_LONG = ("maximum context length", "context_length_exceeded", "longer than the maximum model")
_SEEDS = range(5)

Seen = tuple[Any, bool]


@dataclass(frozen=True)
class Server:
    """A server under test."""

    base_url: str
    model: str
    key: str

    def ask(self, user: str, *, system: str = "You are brief.", key: str | None = None, **more: Any) -> httpx.Response:
        """Posts one chat completion of at most 24 tokens; `more` adds to the body or replaces what is in it."""
        body = {
            "model": self.model, "temperature": 0.0, "max_completion_tokens": 24, "seed": 1,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        } | more  # fmt: skip
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        return httpx.post(f"{self.base_url}/chat/completions", json=body, headers=headers, timeout=120, trust_env=False)

    def choice(self, user: str, **more: Any) -> dict[str, Any]:
        """The first choice of a reply that must come."""
        found: dict[str, Any] = self.ask(user, **more).raise_for_status().json()["choices"][0]
        return found

    def text(self, user: str, **more: Any) -> str:
        """The words of a reply that must come."""
        return str(self.choice(user, **more)["message"]["content"])


def _enum(choices: Sequence[str]) -> dict[str, Any]:
    schema = {"type": "string", "enum": list(choices)}
    return {"type": "json_schema", "json_schema": {"name": "choice", "strict": True, "schema": schema}}


def _plain(server: Server) -> Seen:
    said = server.text("What colour is the sky?")
    return said, bool(said.strip())


def _constrained(server: Server, temperature: float) -> Seen:
    said = [
        server.text(
            "Pick.", response_format=_enum(_CHOICES), temperature=temperature, max_completion_tokens=40, seed=seed
        )
        for seed in _SEEDS
    ]
    return said, all(json.loads(text) in _CHOICES for text in said)


def _first_token(server: Server) -> Seen:
    choice = server.choice(
        "Rate this film from 0 to 9 with one digit.", logprobs=True, top_logprobs=20, max_completion_tokens=1
    )
    top = choice["logprobs"]["content"][0]["top_logprobs"]
    shown = {"count": len(top), "first": top[0], "last": top[-1]}
    return shown, len(top) >= 20 and all(one["logprob"] <= 0 for one in top)


def _constrained_logprobs(server: Server) -> Seen:
    choice = server.choice("Pick a letter.", response_format=_enum(_LETTERS), logprobs=True, top_logprobs=20)
    said = choice["message"]["content"]
    tokens = [[one["token"] for one in token["top_logprobs"]] for token in choice["logprobs"]["content"]]
    return {"said": said, "tokens": tokens[:3]}, json.loads(said) in _LETTERS and bool(tokens)


def _prefix(server: Server) -> Seen:
    fixed = "You plan recommendations for one user of a film library. " * 16
    server.ask("First.", system=fixed, max_completion_tokens=1).raise_for_status()
    usage = server.ask("Second.", system=fixed, max_completion_tokens=1).raise_for_status().json()["usage"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {"cached": cached, "prompt": usage["prompt_tokens"]}, 60 < cached <= usage["prompt_tokens"]


def _seed(server: Server) -> Seen:
    said = [server.text("Name a film.", temperature=1.0, seed=7) for _ in range(2)]
    return said, said[0] == said[1]


def _wrong_key(server: Server) -> Seen:
    status = server.ask("Hello.", key="sk-wrong").status_code
    return status, status == 401


def _wrong_model(server: Server) -> Seen:
    status = server.ask("Hello.", model="a-model-that-is-not-there").status_code
    return status, status == 404


def _too_long(server: Server) -> Seen:
    reply = server.ask("word " * 200_000)
    return f"{reply.status_code} {reply.text[:300]}", reply.status_code in (400, 413) and any(
        words in reply.text for words in _TOO_LONG
    )


CHECKS: dict[str, Callable[[Server], Seen]] = {
    "a plain call is answered": _plain,
    "constrained choice at temperature 0": lambda server: _constrained(server, 0.0),
    "constrained choice at temperature 2": lambda server: _constrained(server, 2.0),
    "20 log-probabilities of the first token": _first_token,
    "constrained choice with log-probabilities": _constrained_logprobs,
    "a repeated prefix comes from the cache": _prefix,
    "the same seed gives the same words": _seed,
    "a wrong key is refused": _wrong_key,
    "a wrong model is refused": _wrong_model,
    "a prompt that is too long is named so": _too_long,
}


def check(server: Server) -> dict[str, dict[str, Any]]:
    """What was seen of every check, whether it holds, and the seconds it took. Prints line by line."""
    found: dict[str, dict[str, Any]] = {}
    for name, seen in CHECKS.items():
        began = time.perf_counter()
        try:
            shown, holds = seen(server)
        except (httpx.HTTPError, LookupError, TypeError, ValueError) as error:  # a reply of another form than asked for
            shown, holds = f"{type(error).__name__}: {error}", False
        found[name] = {"holds": holds, "seen": shown, "seconds": round(time.perf_counter() - began, 2)}
        sys.stdout.write(f"{'ok  ' if holds else 'FAIL'} {name}: {str(shown)[:200]}\n")
        sys.stdout.flush()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one line a check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    given = parser.parse_args(arguments)
    server = Server(given.base_url, given.model, load_settings().llm.api_key.get_secret_value())
    sys.exit(not all(one["holds"] for one in check(server).values()))


if __name__ == "__main__":
    main()
