"""Sends recorded calls to a server with N at once: steps a minute, tokens a second, first token, cache share.

    python -m benchmarks.gpu.replay CALLS.jsonl.xz --base-url URL --model NAME [--levels 1,4,16] [--seconds 10]

The calls are those of `benchmarks.gpu.record`, shuffled: early in training the Critic asks most, later the Planner and
the Reflector, and a slow level would see the beginning only. Each level stops after so many seconds. Steps a minute are
calls a minute over recorded calls a step: what the server could serve if the application cost nothing. The key is
BILLP_LLM_API_KEY.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import lzma
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from billp.settings import load_settings

LEVELS = (1, 4, 16, 32, 64, 128)
_WARMING = 24  # calls before the first level, for what a server compiles when it is first asked
_PATIENCE_S = 120
_QUOTED = 3  # errors shown of a level


@dataclass(frozen=True)
class Answer:
    """What one call took: seconds until the first token and until the end, and tokens."""

    first_s: float
    whole_s: float
    prompt: int
    reply: int
    cached: int


@dataclass
class Level:
    """What so many calls at once gave."""

    at_once: int
    seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def row(self, calls_a_step: float) -> dict[str, Any]:
        """The level's figures as JSON holds them. Without two answers there is only what went wrong."""
        found: dict[str, Any] = {"at_once": self.at_once, "calls": len(self.answers), "failed": len(self.errors)}
        found["errors"] = self.errors[:_QUOTED]
        if len(self.answers) < 2:
            return found
        firsts = statistics.quantiles([answer.first_s for answer in self.answers], n=20)
        prompt = sum(answer.prompt for answer in self.answers)
        reply = sum(answer.reply for answer in self.answers)
        return found | {
            "seconds": round(self.seconds, 2),
            "steps_a_minute": round(60 * len(self.answers) / calls_a_step / self.seconds, 1),
            "tokens_a_second": round((prompt + reply) / self.seconds),
            "reply_tokens_a_second": round(reply / self.seconds),
            "first_token_s": {"median": round(firsts[9], 4), "95%": round(firsts[18], 4)},
            "call_s_median": round(statistics.median(answer.whole_s for answer in self.answers), 4),
            "prompt_tokens_a_call": round(prompt / len(self.answers)),
            "reply_tokens_a_call": round(reply / len(self.answers), 1),
            "cached_share": round(sum(answer.cached for answer in self.answers) / prompt, 3) if prompt else None,
        }


def read(path: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The recorded bodies, and how many calls, steps and episodes they are."""
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        *calls, counts = (json.loads(line) for line in stream)
    return calls, counts


def of_level(calls: Sequence[dict[str, Any]], at_once: int) -> list[dict[str, Any]]:
    """The same calls, but prompts begin with the level, so that no level finds its prompts computed by another."""
    marked = []
    for body in calls:
        first, *rest = body["messages"]
        first = first | {"content": f"Session {at_once}. {first['content']}"}
        marked.append(body | {"messages": [first, *rest]})
    return marked


async def replay(
    calls: Sequence[dict[str, Any]], at_once: int, *, base_url: str, model: str, key: str, seconds: float
) -> Level:
    """Sends the calls in order, so many at once, and begins none after that many seconds."""
    level = Level(at_once)
    queue = iter(calls)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=_PATIENCE_S),
        headers={"Authorization": f"Bearer {key}"},
    ) as session:  # fmt: skip
        began = time.perf_counter()

        async def work() -> None:
            for body in queue:
                if time.perf_counter() - began > seconds:
                    return
                try:
                    level.answers.append(await _ask(session, f"{base_url}/chat/completions", body | {"model": model}))
                except (aiohttp.ClientError, TimeoutError) as error:
                    level.errors.append(f"{type(error).__name__}: {error}")

        await asyncio.gather(*(work() for _ in range(at_once)))
        level.seconds = time.perf_counter() - began
    return level


async def _ask(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Answer:
    """Streams one reply. Raises ClientError with the server's words when it refuses, or when the reply breaks off."""
    sent = body | {"stream": True, "stream_options": {"include_usage": True}}
    began, first, usage = time.perf_counter(), None, dict[str, Any]()
    async with session.post(url, json=sent) as response:
        if response.status != 200:
            said = (await response.text())[:200]
            raise aiohttp.ClientResponseError(
                response.request_info, response.history, status=response.status, message=said
            )
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            part = json.loads(line[6:])
            usage = part.get("usage") or usage
            if first is None and any(choice["delta"].get("content") for choice in part.get("choices", ())):
                first = time.perf_counter() - began
    whole = time.perf_counter() - began
    if not usage:
        raise aiohttp.ClientPayloadError("the reply ended without saying how many tokens it has")
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Answer(whole if first is None else first, whole, usage["prompt_tokens"], usage["completion_tokens"], cached)


async def measure(
    path: Path, *, base_url: str, model: str, key: str, levels: Sequence[int] = LEVELS, seconds: float = 10
) -> dict[str, Any]:
    """All levels, one after another, and how many times as many steps 16 at once give as 1. Prints row by row."""
    calls, counts = read(path)
    calls_a_step = counts["calls"] / counts["steps"]
    random.Random(0).shuffle(calls)  # noqa: S311 -- an order, not a secret
    await replay(calls[:_WARMING], 8, base_url=base_url, model=model, key=key, seconds=_PATIENCE_S)
    rows = []
    for at_once in levels:
        level = await replay(
            of_level(calls, at_once), at_once, base_url=base_url, model=model, key=key, seconds=seconds
        )
        rows.append(level.row(calls_a_step))
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
        sys.stdout.flush()
    speed = {row["at_once"]: row["steps_a_minute"] for row in rows if "steps_a_minute" in row}
    ratio = round(speed[16] / speed[1], 2) if {1, 16} <= speed.keys() else None
    return {"recorded": counts, "levels": rows, "16_against_1": ratio}


def level_list(words: str) -> tuple[int, ...]:
    """`1,4,16` as numbers."""
    return tuple(int(word) for word in words.split(","))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one JSON object a level, and at the end one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", type=Path)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--levels", type=level_list, default=LEVELS)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args(arguments)
    key = load_settings().llm.api_key.get_secret_value()
    found = asyncio.run(
        measure(
            given.calls, base_url=given.base_url, model=given.model, key=key, levels=given.levels,
            seconds=given.seconds,
        )
    )  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
