"""What a step costs without the LLM, in milliseconds of CPU: in all, with empty nodes, and where it goes.

    python -m benchmarks.overhead [--method billp] [--side-by-side 64] [--where]

Needs ml-100k with its simulator (`billp demo` or `billp data fetch` and `billp simulator build ml-100k`). Runs the
method's training episodes, so many side by side, against an instant fake server in a process of its own. Each round is
run twice: as it is, and with empty nodes, which return at once what the same nodes returned before: that is what the
graph itself costs. `--where` says at which part the CPU of all threads was found, as often as it was looked for.
Writes to a temporary runs folder and to a memory of its own.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop
from langgraph.runtime import Runtime

from billp.experiments.runs.engine import together
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.training import train
from billp.graphs import actor, nodes, recalling
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.resources import Resources
from billp.graphs.state import EpisodeContext, EpisodeInput, EpisodeState
from billp.settings import load_settings

_ROUNDS, _HORIZON = 2, 20
_LOOK_S = 0.005
_MEMORY = "benchmark"
_NODES = {
    recalling: ("recall",),
    nodes: ("plan", "respond", "criticise", "reflect", "conclude"),
    actor: ("analyse", "retrieve", "shortlist", "choose", "propose", "ground", "weigh", "pick"),
}
Node = Callable[..., Awaitable[Any]]

_PARTS = (
    ("Chroma: writing", r"rust\.py:_upsert|store/chroma\.py:.*(upsert|replacing)|memory/records\.py:to_record"),
    ("Chroma: searching", r"chromadb|memory/(store/\w+|retriever|agent_memory|reflections|experiences)\.py"),
    ("embedding", r"sentence_transformers|/torch/|memory/embedding"),
    ("LLM client: HTTP, JSON", r"aiohttp|agents/llm/(server_chat|completion|patience)|/yarl/"),
    ("prompts", r"jinja2|agents/(prompt_pack|views|actor_input)|/words\.py|agents/llm/truncation"),
    ("parsing", r"agents/llm/(reading|schema|asking)"),
    ("choosing", r"agents/(closeness|measures|recommender)|graphs/(ranking|recomm|believing)|item_values|leaving"),
    ("records", r"experiments/(records|run_folder|runner|metrics)|graphs/(learning|recording)"),
    ("LangChain: callbacks, models, tools", r"langchain_core|langsmith"),
    ("graph supersteps", r"langgraph"),
    ("nodes, state", r"(graphs|agents|simulators|memory)/\w+\.py|/catalogue\.py"),
    ("opening data", r"resources|experiments/|zipfile|numpy/lib"),
)


class Looking(threading.Thread):
    """Looks every few milliseconds at what each thread is at, and charges it with the CPU it took since."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._over = threading.Event()
        self._parts = [(name, re.compile(pattern)) for name, pattern in _PARTS]

    def run(self) -> None:
        """Until `stop`."""
        before: dict[int, float] = {}
        while not self._over.wait(_LOOK_S):
            for thread, frame in sys._current_frames().items():
                if thread == self.ident:
                    continue
                try:
                    spent = time.clock_gettime(time.pthread_getcpuclockid(thread))
                except (OSError, ProcessLookupError):
                    continue
                self.seconds[self._part(frame)] += spent - before.get(thread, spent)
                before[thread] = spent

    def stop(self) -> None:
        """Looks no more."""
        self._over.set()
        self.join()

    def _part(self, frame: FrameType | None) -> str:
        while frame is not None:
            place = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
            for name, pattern in self._parts:
                if pattern.search(place):
                    return name
            frame = frame.f_back
        return "event loop, threads"


class Emptied:
    """The graphs' nodes, which are noted down while they work and then give back the same without working."""

    def __init__(self) -> None:
        self.working = True
        self._given: defaultdict[tuple[str, str], deque[Any]] = defaultdict(deque)
        for module, names in _NODES.items():
            for name in names:
                setattr(module, name, self._noted(name, getattr(module, name)))

    def again(self) -> None:
        """Forgets what was noted; the nodes work."""
        self.working = True
        self._given.clear()

    def _noted(self, name: str, node: Node) -> Node:
        @functools.wraps(node)  # LangGraph reads a node's annotations
        async def noted(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> object:
            given = self._given[state["episode"], name]
            if self.working:
                given.append(await node(state, runtime, deps))
                return given[-1]
            return given.popleft()

        return noted


async def measure(base_url: str, method: str, side_by_side: int, looking: Looking | None) -> dict[str, Any]:
    """Milliseconds a step of each round, by the clock and of this process's CPU; a round before them warms all."""
    settings = load_settings(
        {"llm.base_url": base_url, "run.side_by_side": side_by_side, "run.batch": side_by_side, "run.horizon": _HORIZON}
    )
    wall, cpu, empty = [], [], []
    emptied = Emptied()
    with tempfile.TemporaryDirectory() as folder:
        settings = settings.model_copy(update={"runs_dir": Path(folder)})
        async with Resources(settings) as resources:
            resources.embedder.embed(["warm"])
            deps = resources.deps("ml-100k", memory=_MEMORY, llm=True)
            graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)
            for seed in range(_ROUNDS + 1):
                emptied.again()
                if looking is not None and seed == 1:
                    looking.start()
                started, began, lines = time.process_time(), time.perf_counter(), list[EpisodeLine]()
                await train(
                    resources, dataset="ml-100k", method=method, episodes=side_by_side, seed=seed, memory=_MEMORY,
                    run=Path(folder) / str(seed), resume=False, on_episode=lines.append,
                )  # fmt: skip
                steps = sum(line.output["length"] for line in lines if line.output is not None)
                wall.append(1000 * (time.perf_counter() - began) / steps)
                cpu.append(1000 * (time.process_time() - started) / steps)
                if looking is not None:
                    continue
                emptied.working, started = False, time.process_time()
                context = EpisodeContext(method=method, seed=seed, run=str(seed), learn=True)
                await together(
                    graph.ainvoke(EpisodeInput(user=line.user, episode=line.id), context=context) for line in lines
                )
                empty.append(1000 * (time.process_time() - started) / steps)
            if looking is not None:
                looking.stop()
            resources.memory("ml-100k", _MEMORY).clear()
    rows = {"wall_ms": wall[1:], "cpu_ms": cpu[1:]}
    if looking is not None:
        total = sum(looking.seconds.values())
        found = sorted(looking.seconds.items(), key=lambda part: -part[1])
        where = {name: f"{seconds / total:.1%}" for name, seconds in found}
        return {name: round(statistics.median(values), 1) for name, values in rows.items()} | {"where": where}
    rows["empty_cpu_ms"] = empty[1:]
    middle = {name: statistics.median(values) for name, values in rows.items()}
    return {
        **{f"median_{name}": round(value, 1) for name, value in middle.items()},
        "times_empty": round(statistics.median(a / b for a, b in zip(cpu[1:], empty[1:], strict=True)), 2),
        "steps_a_second_of_one_core": round(1000 / middle["cpu_ms"]),
        **{name: [round(value, 1) for value in values] for name, values in rows.items()},
    }


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--method", default="billp")
    parser.add_argument("--side-by-side", type=int, default=64)
    parser.add_argument("--where", action="store_true", help="where the CPU goes, instead of what empty nodes cost")
    asked = parser.parse_args()
    with subprocess.Popen([sys.executable, "-m", "tests.fakes.server"], stdout=subprocess.PIPE, text=True) as server:
        try:
            base_url = server.stdout.readline().strip() if server.stdout else ""
            looking = Looking() if asked.where else None
            found = uvloop.run(measure(base_url, asked.method, asked.side_by_side, looking))
        finally:
            server.terminate()
    sys.stdout.write(json.dumps({"method": asked.method, "side_by_side": asked.side_by_side} | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
