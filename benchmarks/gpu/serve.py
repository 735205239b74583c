"""Starts vLLM with the application's own flags, checks and measures it, and stops it.

    python -m benchmarks.gpu.serve --model MODEL --calls CALLS.jsonl.xz --out FOLDER [-- MORE VLLM FLAGS]

MODEL is a folder or a hub name; CALLS come from `benchmarks.gpu.record`. Every other setting is that of `billp serve`
(BILLP_VLLM_..., billp.toml). Writes FOLDER/serve.json (the command, seconds until it answered), FOLDER/checks.json,
FOLDER/replay.json and FOLDER/vllm.log. Exit code 1 where a check does not hold or a call failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from pydantic import SecretStr

from benchmarks.gpu import checks, replay
from billp.serving.process import ServerProcess
from billp.serving.vllm import Launch, launch
from billp.settings import load_settings


def planned(model: str, more: Sequence[str]) -> tuple[Launch, float]:
    """What `billp serve` would start, with more flags and a key, and the seconds to wait for it."""
    settings = load_settings({"vllm.model": model, "vllm.port": 0})
    # The checks want a server that asks for a key.
    client = settings.llm.model_copy(update={"api_key": SecretStr(secrets.token_urlsafe())})
    ready = launch(settings.vllm, client)
    return replace(ready, command=(*ready.command, *more)), settings.vllm.start_s


def measure(
    ready: Launch, patience_s: float, out: Path, *, calls: Path, levels: Sequence[int], seconds: float
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What the checks and the replay found. Raises ServingError where vLLM does not start."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with ServerProcess(ready, out / "vllm.log", Event()) as server:
        server.wait_until_ready(patience_s, lambda _waited, _line: None)
        _write(out / "serve.json", {"command": ready.shown(), "ready_s": round(time.monotonic() - began, 1)})
        found = checks.check(checks.Server(ready.base_url, ready.model, ready.key))
        _write(out / "checks.json", found)
        speed = asyncio.run(
            replay.measure(
                calls, base_url=ready.base_url, model=ready.model, key=ready.key, levels=levels, seconds=seconds
            )
        )
        _write(out / "replay.json", speed)
    return found, speed


def _write(path: Path, found: object) -> None:
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each check and for each level."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, more = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--calls", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--levels", type=replay.level_list, default=replay.LEVELS)
    parser.add_argument("--seconds", type=float, default=10, help="at most, for each level")
    given = parser.parse_args(words)
    ready, patience_s = planned(given.model, more)
    found, speed = measure(ready, patience_s, given.out, calls=given.calls, levels=given.levels, seconds=given.seconds)
    failed = any(row["failed"] or not row["calls"] for row in speed["levels"])
    sys.exit(failed or not all(one["holds"] for one in found.values()))


if __name__ == "__main__":
    main()
