"""Checks versions, model, data, memory, what the LLM can do, and that nothing leaves the machine.

It also names the models that fit into this machine's memory.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict

from billp.agents.prompt_pack import load_pack
from billp.errors import BillpError, DataError
from billp.experiments.analysis.knowledge import known
from billp.experiments.runs.config import versions
from billp.graphs.beliefs import train_logs
from billp.graphs.resources import Resources
from billp.memory import list_memories
from billp.simulators import list_datasets, load_dataset, load_worlds, simulator_folder

log = logging.getLogger(__name__)


class Check(BaseModel):
    """One check: whether all is well, and what was found or what to do."""

    model_config = ConfigDict(frozen=True)

    name: str
    ok: bool
    seen: str


class CheckUp(BaseModel):
    """All checks, and the versions they were made with."""

    model_config = ConfigDict(frozen=True)

    checks: list[Check]
    versions: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every check is well."""
        return all(check.ok for check in self.checks)


async def check_up(resources: Resources) -> CheckUp:
    """Checks everything that an episode needs; a failing check does not stop the others."""
    outside: list[str] = []
    with _watched_sockets(outside):
        checks = [
            _checked("prompts", lambda: f"{load_pack(resources.settings.prompts).folder} is whole"),
            _checked("data", lambda: _data(resources)),
            _checked("embedder", lambda: _embedder(resources)),
            _checked("memory", lambda: _memory(resources)),
            await _model(resources),
        ]
        there = checks[-1].ok
        checks.append(
            _checked("knowledge", lambda: _knowledge(resources) if there else "nothing is known without a model")
        )
    server = resources.settings.llm.base_url or resources.settings.chroma_url
    offline = f"no connection beyond this machine{' but to the servers you named' if server else ''}"
    seen = f"connected to {', '.join(sorted(set(outside)))}" if outside else offline
    checks.append(Check(name="offline", ok=not outside or bool(server), seen=seen))
    return CheckUp(checks=checks, versions={"python": platform.python_version(), **versions()})


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, seen=look())
    except Exception as error:  # noqa: BLE001 -- a doctor reports unforeseen errors too
        return _failed(name, error)


def _failed(name: str, error: Exception) -> Check:
    if isinstance(error, BillpError):
        return Check(name=name, ok=False, seen=str(error))
    log.info("The check of %s broke", name, exc_info=error)
    seen = f"broke with {type(error).__name__} ({error}); `billp --verbose doctor` shows where"
    return Check(name=name, ok=False, seen=seen)


def _data(resources: Resources) -> str:
    data = resources.settings.data
    names = list_datasets(data)
    if not names:
        raise DataError("No dataset is registered; run `billp data fetch ml-100k`.")
    built = []
    for name in names:
        load_worlds(simulator_folder(data, name), load_dataset(data, name))
        built.append(name)
    return f"{', '.join(built)} with simulator, in {data}"


def _embedder(resources: Resources) -> str:
    vector = resources.embedder.embed(["a film"])[0]
    return f"{resources.embedder.name}, {len(vector)} numbers a text"


def _memory(resources: Resources) -> str:
    where = resources.memory("doctor", "doctor").where
    found = [(dataset, name) for dataset, names in list_memories(resources.settings).items() for name in names]
    for dataset, name in found:
        resources.memory(dataset, name, reading=True)  # refused where another embedder wrote it
    return f"{where} opens for writing, and all memories there are ({len(found)}) can be read"


async def _model(resources: Resources) -> Check:
    """Returns whether the LLM answers, and what it can do."""
    try:
        able, where = await resources.find_abilities(), resources.model_name
    except Exception as error:  # noqa: BLE001 -- as above
        return _failed("model", error)
    advice = f" {better_models()}" if not able.words else ""
    seen = " ".join(able.lacking()) + advice or "seeds and schemas kept, log-probabilities given"
    return Check(name="model", ok=True, seen=f"{where}: {seen}")


def _knowledge(resources: Resources) -> str:
    """Returns what the LLM knows of the items of each dataset."""
    data, pack = resources.settings.data, load_pack(resources.settings.prompts)
    told, answers = [], resources.knowledge.answers(pack)
    for name in list_datasets(data):
        dataset = load_dataset(data, name)
        knowledge = answers.of(dataset.catalogue)
        if knowledge.asked:
            logs = train_logs(dataset, load_worlds(simulator_folder(data, name), dataset))
            told.append(f"{name}: {known(knowledge, logs, dataset.catalogue, resources.model_name).sentence()}")
    return "; ".join(told) or "not asked about any item yet; `billp knowledge build` does it"


@contextmanager
def _watched_sockets(outside: list[str]) -> Iterator[None]:
    """Records, during the block, every address beyond loopback that this process connects to."""
    connect = socket.socket.connect

    def watched(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            outside.append(str(address[0]))
        connect(self, address)

    socket.socket.connect = watched  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_BETTER = (
    (3.0, "a model of 1.5 billion weights (GGUF, Q4: 1.1 GB)"),
    (8.0, "one of 7 to 8 billion (GGUF, Q4: 5 GB)"),
)  # GB of memory that the machine should have free, and what fits into them


def better_models(memory_gb: float | None = None) -> str:
    """Returns which models fit into `memory_gb` of memory (default: this machine's), and how to use them."""
    memory_gb = _memory_gb() if memory_gb is None else memory_gb
    fitting = [words for needed, words in _BETTER if needed <= memory_gb]
    here = f"This machine's {memory_gb:.0f} GB hold {' or '.join(fitting)}: name its file as BILLP_LLM_GGUF. "
    return (here if fitting else "") + "On a GPU, serve one of 8 billion (BILLP_LLM_BASE_URL)."


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
