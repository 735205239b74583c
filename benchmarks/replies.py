"""Malformed replies by the thousand, put to every role through a real server on loopback.

    python -m benchmarks.replies [COUNT]

Prints one JSON object: how many replies were tried, how they ended, and every fault (a crash, a hang, a value from a
wrong reply, a failure not counted). Ends with 1 where there is one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from tests.fakes.malformed import cases, streams
from tests.fakes.trying import tried

_COUNT, _AT_ONCE = 20_000, 1_000


def main(count: int = _COUNT) -> int:
    """The number of faults."""
    ended: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in range(0, count, _AT_ONCE):  # so that not all replies are in memory at once
        size = min(_AT_ONCE, count - seed)
        for outcome in asyncio.run(tried([*cases(size - size // 10, seed=seed), *streams(size // 10, seed=seed)])):
            ended[outcome.error.partition(":")[0] or "value"] += 1
            if outcome.fault:
                faults[f"{outcome.case.role}, {outcome.case.kind}: {outcome.fault}"] += 1
    seconds = round(time.perf_counter() - started, 1)
    told = {"replies": count, "seconds": seconds, "ended": dict(ended.most_common()), "faults": dict(faults)}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return faults.total()


if __name__ == "__main__":
    sys.exit(min(1, main(*map(int, sys.argv[1:2]))))
