"""A service under load: many people at once, answers a second, latency, errors, memory; and the stars they give.

    python -m benchmarks.people --sessions 500 --pause 10
    python -m benchmarks.people --method billp-memory-only --sessions 500 --pause 10

Needs ml-100k with its simulator. Starts `billp api` with a data folder of its own, for LLM methods an instant fake
server too, and lets the train users of the simulator come over HTTP: each rates what comes as the simulator says, after
a pause drawn from an exponential distribution, leaves when the simulator leaves, and then begins anew. The users take
turns on the machine with what they measure: three processes on its cores. Every minute it writes down the service's
memory and its open descriptors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import uvloop

from billp.settings import load_settings
from billp.simulators import Dataset, World, load_dataset, load_worlds, respond, simulator_folder

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_S = 60.0


@dataclass
class Told:
    """What the people saw."""

    requests: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of each answer that counts."""
    errors: list[str] = field(default_factory=list)
    stars: list[float] = field(default_factory=list)
    """R_traj of each finished session."""
    gauged: list[tuple[int, int, int]] = field(default_factory=list)
    """Seconds since the start, and then the service's megabytes and open descriptors."""


@contextmanager
def service(command: list[str], data: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `billp api` and its address; its data folder is `data`."""
    environment = os.environ | {"BILLP_DATA_DIR": str(data), "OMP_NUM_THREADS": "1"} | settings
    with (data / "log").open("w") as log, subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "billp.cli", "api", *command], stdout=subprocess.PIPE, stderr=log, text=True,
        env=environment,
    ) as process:  # fmt: skip
        try:
            yield process, process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


@dataclass
class Crowd:
    """Simulated users who come over HTTP until the moment `until`."""

    http: aiohttp.ClientSession
    dataset: Dataset
    world: World
    pause: float
    coming: float
    """Seconds over which they come; answers count from then on."""
    until: float
    measured_from: float
    told: Told = field(default_factory=Told)

    async def person(self, user: int) -> None:
        """Session after session of one user."""
        rng, name, sessions = random.Random(user), self.dataset.user_keys[user], 0  # noqa: S311
        await asyncio.sleep(rng.random() * self.coming)
        while time.monotonic() < self.until:
            sessions += 1
            turn = await self.asked("/sessions", {"user": name}, f"{name}-{sessions}")
            shown: list[int] = []
            while turn and not turn["ended"] and time.monotonic() < self.until:
                pause = rng.expovariate(1 / self.pause) if self.pause else 0.0
                await asyncio.sleep(min(pause, max(0.0, self.until - time.monotonic())))
                if time.monotonic() >= self.until:
                    break
                item = self.dataset.catalogue.index_of_key[turn["item"]]
                said = respond(self.world, user, shown, item)
                shown.append(item)
                answer = {"rating": round(said.reward), "leave": said.left}
                turn = await self.asked(f"/sessions/{turn['session']}/answer", answer, f"{len(shown)}")
            if turn and turn["ended"]:
                self.told.stars.append(turn["totals"]["reward_trajectory"])

    async def asked(self, path: str, body: Mapping[str, object], key: str) -> dict[str, Any]:
        """What a request is answered with; empty where it failed."""
        began = time.perf_counter()
        self.told.requests += 1
        try:
            async with self.http.post(path, json=body, headers={"Idempotency-Key": key}) as answer:
                turn: dict[str, Any] = await answer.json(content_type=None)
                if answer.status >= 400:
                    self.told.errors.append(f"{answer.status}: {turn.get('detail')}")
                    return {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self.told.errors.append(type(error).__name__)
            return {}
        if path.endswith("/answer") and began >= self.measured_from:
            self.told.seconds.append(time.perf_counter() - began)
        return turn


async def come(
    url: str, process: subprocess.Popen[str], given: argparse.Namespace, dataset: Dataset, world: World
) -> Told:
    """All of them side by side, to a service that runs in `process`."""
    connector, patience = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(120)
    async with aiohttp.ClientSession(url, connector=connector, timeout=patience) as http:
        began = time.perf_counter()
        until = time.monotonic() + given.coming + given.seconds
        crowd = Crowd(http, dataset, world, given.pause, given.coming, until, began + given.coming)
        gauging = asyncio.create_task(gauge(process, crowd.told))
        await asyncio.gather(*(crowd.person(int(user)) for user in world.users[: given.sessions]))
        gauging.cancel()
    return crowd.told


async def gauge(process: subprocess.Popen[str], told: Told) -> None:
    """Measures the process every `_LOOK_S`."""
    began = time.monotonic()
    while True:
        descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208 -- not paths
        told.gauged.append((round(time.monotonic() - began), round(used(process)[1]), descriptors))
        await asyncio.sleep(_LOOK_S)


def used(process: subprocess.Popen[str]) -> tuple[float, float]:
    """CPU seconds and megabytes that a process has taken."""
    numbers = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / _TICKS, int(numbers[21]) * _PAGE / 2**20


def main() -> None:
    """Prints one JSON object."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sessions", type=int, default=500, help="people at once")
    options.add_argument("--pause", type=float, default=10.0, help="mean seconds before an answer")
    options.add_argument("--coming", type=float, default=40.0, help="seconds over which they come, before measuring")
    options.add_argument("--seconds", type=float, default=60.0, help="seconds of measuring")
    options.add_argument("--method", default="billp")
    options.add_argument("--freeze", action="store_true")
    given = options.parse_args()
    source = load_settings().data
    dataset = load_dataset(source, "ml-100k")
    world = load_worlds(simulator_folder(source, "ml-100k"), dataset).train
    command = ["--method", given.method, "--memory", "load", "--untrained", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-m", "tests.fakes.server"], stdout=subprocess.PIPE, text=True) as llm,
    ):
        try:
            data = Path(folder)
            for name in ("datasets", "simulators", "vectors"):
                (data / name).symlink_to(source / name)
            llm_url = llm.stdout.readline().strip() if llm.stdout else ""
            more = ["--freeze"] if given.freeze else []
            with service([*command, *more], data, BILLP_LLM_BASE_URL=llm_url, BILLP_API_RATE="1000") as (process, url):
                cpu, megabytes = used(process)
                told = uvloop.run(come(url, process, given, dataset, world))
                cpu_after, megabytes_after = used(process)
        finally:
            llm.terminate()
    at = np.quantile(told.seconds or [0.0], [0.5, 0.95, 0.99])
    shown = {
        "method": given.method,
        "people": given.sessions,
        "pause_s": given.pause,
        "answers": len(told.seconds),
        "answers_a_second": round(len(told.seconds) / given.seconds, 1),
        "ms": {name: round(1000 * float(each)) for name, each in zip(("p50", "p95", "p99"), at, strict=True)},
        "errors": len(told.errors),
        "first_errors": told.errors[:3],
        "finished_sessions": len(told.stars),
        "r_traj": round(float(np.mean(told.stars)), 1) if told.stars else None,
        "cpu_ms_a_request": round(1000 * (cpu_after - cpu) / max(1, told.requests), 1),
        "megabytes": [round(megabytes), round(megabytes_after)],
        "seconds_megabytes_descriptors": told.gauged,
        "load": [round(each, 1) for each in os.getloadavg()],
    }
    sys.stdout.write(json.dumps(shown) + "\n")


if __name__ == "__main__":
    main()
