"""A service that is killed under load: every acknowledged answer is there afterwards, and none is there twice.

The same holds for what memory learned from them.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from billp.memory import SentenceEmbedder, open_memory
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.integration.api_server import serving_people

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
ROOT = Path(__file__).parents[2]
SESSIONS, STEPS, SIDE_BY_SIDE, PATIENCE_S = 200, 5, 16, 120
COMMAND = "api --dataset tiny --method billp-memory-only --memory shared --port 0"


@dataclass
class Person:
    """Rates what comes, and remembers what was acknowledged."""

    number: int
    session: str = ""
    step: int = 1
    ended: bool = False
    acknowledged: list[int] = field(default_factory=list)

    async def go_on(self, http: httpx.AsyncClient, until: int) -> None:
        """Answers until step `until`, or until the service is gone."""
        if not self.session:
            key = {"Idempotency-Key": f"begin-{self.number}"}
            asked = await http.post("/sessions", json={"user": f"person {self.number}"}, headers=key)
            assert asked.status_code == 201, asked.text
            self.session = asked.json()["session"]
        while not self.ended and self.step <= until:
            said = {"rating": self.rating(self.step), "leave": self.step == STEPS}
            key = {"Idempotency-Key": f"step-{self.step}"}
            told = await http.post(f"/sessions/{self.session}/answer", json=said, headers=key)
            assert told.status_code == 200, told.text
            self.acknowledged.append(self.rating(self.step))
            self.ended, self.step = bool(told.json()["ended"]), self.step + 1

    def rating(self, step: int) -> int:
        """Their own stars for each step, so that a lost or doubled answer shows."""
        return 1 + random.Random(f"{self.number} {step}").randrange(5)  # noqa: S311


async def crowd(people: list[Person], url: str, until: int, kill_after: int, process: subprocess.Popen[str]) -> None:
    """All go on, some side by side; after so many more acknowledged answers the service is killed."""
    limit = sum(len(person.acknowledged) for person in people) + (kill_after or SESSIONS * STEPS + 1)
    turn = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(person: Person, http: httpx.AsyncClient) -> None:
        async with turn:
            try:
                for step in range(person.step, until + 1):
                    if sum(len(each.acknowledged) for each in people) >= limit and process.poll() is None:
                        process.send_signal(signal.SIGKILL)
                    await person.go_on(http, step)
            except httpx.TransportError:
                assert kill_after, "it died by itself"

    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as http:
        await asyncio.gather(*(one(person, http) for person in people))


def test_every_acknowledged_answer_is_there_after_a_kill_and_none_twice(tmp_path: Path):
    put_tiny(tmp_path / "data", tmp_path / "source")
    people = [Person(number) for number in range(SESSIONS)]
    for kill_after, more in ((150, ["--untrained"]), (400, [])):
        with serving_people(tmp_path, COMMAND, *more) as (process, url):
            asyncio.run(crowd(people, url, STEPS, kill_after, process))
            assert process.wait(PATIENCE_S) == -signal.SIGKILL
    with serving_people(tmp_path, COMMAND) as (process, url):
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as http:
            for person in [person for person in people if person.session]:
                found = [step["rating"] for step in http.get(f"/sessions/{person.session}").json()["answered"]]
                assert found[: len(person.acknowledged)] == person.acknowledged
                # One more may have been on its way when the service died; it counts, and is not asked for again.
                assert found in (
                    person.acknowledged,
                    [*person.acknowledged, person.rating(len(person.acknowledged) + 1)],
                )
        asyncio.run(crowd(people, url, STEPS, 0, process))
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as http:
            for person in people:
                whole = http.get(f"/sessions/{person.session}").json()
                assert [step["rating"] for step in whole["answered"]] == [
                    person.rating(step) for step in range(1, STEPS + 1)
                ]
                assert whole["ended"] == "left"
        give_up = time.monotonic() + PATIENCE_S
        while httpx.get(f"{url}/health", trust_env=False).json()["unlearned"]:
            assert time.monotonic() < give_up
            time.sleep(0.1)
    settings = load_settings({"data_dir": str(tmp_path / "data")})
    with open_memory(settings, "tiny", "shared", SentenceEmbedder(), reading=True) as agent_memory:
        uses, acted = agent_memory.records("uses", 10_000), agent_memory.records("actor", 10_000)
    assert sorted(record.fields["ordinal"] for record in uses) == list(range(SESSIONS))
    assert len(acted) == SESSIONS * STEPS
    assert sorted((record.origin.user, record.origin.step, record.fields["reward"]) for record in acted) == sorted(
        (f"person {person.number}", step, float(person.rating(step)))
        for person in people
        for step in range(1, STEPS + 1)
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to_and_closes_what_it_opened(tmp_path: Path, number: signal.Signals):
    put_tiny(tmp_path / "data", tmp_path / "source")
    with serving_people(tmp_path, COMMAND, "--untrained") as (process, url):
        httpx.post(f"{url}/sessions", json={"user": "Ada"}, trust_env=False).raise_for_status()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0, (tmp_path / "log").read_text()
    assert not list((tmp_path / "data" / "services" / "people").glob("*-wal")), "the database was closed"
    said = (tmp_path / "log").read_text().splitlines()
    assert said[0] == "Ctrl-C stops it."
    assert [json.loads(line)["route"] for line in said[1:] if '"answered"' in line] == ["/sessions"]
