"""Prompt and completion tokens a second of the embedded model as shipped (Q4_1) and requantised (Q8_0).

    python -m benchmarks.embedded

Both are asked the same 16 prompts of about 200 tokens, 8 at a time, then for 16 completions of 32 tokens; rounds
alternate between the two, so that a busy spell of the machine falls on both.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time

import httpx

from billp.serving.embedded import EmbeddedServer, start
from billp.settings import load_settings

_WORDS = ("movie", "star", "war", "river", "love", "night", "dark", "red", "king", "ghost", "winter", "train", "city")
_ROUNDS = 3


async def _rate(server: EmbeddedServer, words: int, tokens: int, counted: str) -> float:
    busy = asyncio.Semaphore(8)
    async with httpx.AsyncClient(timeout=300, trust_env=False) as client:

        async def call(number: int) -> int:
            prompt = " ".join(random.Random(f"{words}{number}{time.time()}").choices(_WORDS, k=words))  # noqa: S311
            body = {
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": tokens,
                "ignore_eos": True,
            }
            async with busy:
                reply = await client.post(f"{server.base_url}/chat/completions", json=body)
            return int(reply.json()["usage"][counted])

        started = time.perf_counter()
        total = sum(await asyncio.gather(*(call(number) for number in range(16))))
        return total / (time.perf_counter() - started)


def main() -> None:
    """Prints one JSON object: medians of the rounds."""
    servers = {name: start(load_settings({"llm.requantise": fast})) for name, fast in (("Q4_1", False), ("Q8_0", True))}
    figures: dict[str, dict[str, list[float]]] = {name: {"prompt": [], "completion": []} for name in servers}
    for _ in range(_ROUNDS):
        for name, server in servers.items():
            figures[name]["prompt"].append(asyncio.run(_rate(server, 180, 1, "prompt_tokens")))
            figures[name]["completion"].append(asyncio.run(_rate(server, 5, 32, "completion_tokens")))
    medians = {
        name: {part: round(statistics.median(rates)) for part, rates in parts.items()}
        for name, parts in figures.items()
    }
    sys.stdout.write(json.dumps({"tokens_per_second": medians}) + "\n")


if __name__ == "__main__":
    main()
