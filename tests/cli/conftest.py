"""The command line in this process: its exit code and its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from billp import cli
from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.graphs import resources
from billp.setting_groups import LLMSettings
from tests.fakes.embedder import hash_everywhere
from tests.fakes.model import FakeChat, sensible_reply


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What stdout holds, which must be one JSON object and nothing else."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def words(self) -> str:
        """Everything said, without the boxes and line breaks that the usage errors are drawn with."""
        return " ".join((self.out + self.err).replace("│", " ").split())


Billp = Callable[..., Said]


def files(folder: Path) -> dict[str, bytes]:
    """Everything under `folder`, to see that nothing changed."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def billp(capsys: pytest.CaptureFixture[str]) -> Billp:
    """Runs `billp` with these arguments."""

    def run(*arguments: object) -> Said:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder that needs no model, wherever the commands would make one."""
    hash_everywhere(monkeypatch.setattr)


class ServedFake(FakeChat):
    """A server that needs no network, made as the real one is."""

    base_url: str
    settings: LLMSettings
    abilities: Abilities = Abilities()
    waits: bool = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def answer(self, request: Request) -> Reply:
        assert self.base_url == "http://llm/v1"
        return sensible_reply(request)


@pytest.fixture
def answered(hashed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server named in the environment whose replies need no network."""
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://llm/v1")
    monkeypatch.setattr(resources, "ServerChat", ServedFake)
