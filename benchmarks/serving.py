"""Steps a minute, tokens a second, time to first token and prefix-cache share at 1, 4, 16 and 32 episodes side by side.

    python -m benchmarks.serving [EPISODES [HORIZON [LEVELS]]]
    BILLP_LLM_BASE_URL=http://127.0.0.1:8000/v1 BILLP_LLM_MODEL=NAME python -m benchmarks.serving

The first measures the embedded llama.cpp, the second the server named (`billp serve`). Needs ml-100k with its
simulator. Every level plays training episodes of billp, as many as run at once but 16 at least, cut off after 2 steps,
with users of its own, the same ones for every server, so that no level finds its prompts computed by the one before.
Other levels are named by numbers with commas, such as 1,16,128.
Prints a Markdown table; writes to a temporary runs folder and to a memory of its own, emptied afterwards.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from billp.agents.llm.server_chat import ServerChat
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.training import train
from billp.graphs.resources import Resources
from billp.serving.embedded import start
from billp.settings import load_settings

_DEFAULTS = ("16", "2", "1,4,16,32")
MEMORY = "benchmark"


class StreamedModel(ServerChat):
    """The application's chat model, but words are streamed, so that the first token's arrival is seen.

    A reply of one token, whose probabilities are read, arrives with it.
    """

    first_token_s: list[float] = Field(default_factory=list)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        began = time.perf_counter()
        if kwargs.get("logprobs"):
            result = await super()._agenerate(messages, stop, run_manager, **kwargs)
            self.first_token_s.append(time.perf_counter() - began)
            return result
        first: float | None = None
        whole: ChatGenerationChunk | None = None
        async for chunk in self._astream(messages, stop, run_manager, **kwargs):
            if first is None and chunk.text:
                first = time.perf_counter() - began
            whole = chunk if whole is None else whole + chunk
        self.first_token_s.append(time.perf_counter() - began if first is None else first)
        assert whole is not None  # noqa: S101 -- the last chunk says what it cost
        return ChatResult(generations=[whole])


async def measure(level: int, episodes: int, horizon: int) -> list[str]:
    """One row: level, steps a minute, tokens a second, first token's median and 95th percentile, cached share."""
    settings = load_settings({"run.side_by_side": level, "run.batch": episodes, "run.horizon": horizon})
    server = None if settings.llm.base_url else start(settings)
    base_url = settings.llm.base_url or (server.base_url if server else "")
    async with StreamedModel(base_url=base_url, settings=settings.llm) as model:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            async with Resources(settings, model=model) as resources:
                summary = await train(
                    resources, dataset="ml-100k", method="billp", episodes=episodes, seed=level,
                    memory=MEMORY, run=run, resume=False,
                )  # fmt: skip
                resources.memory("ml-100k", MEMORY).clear()
            lines = read_lines(run)
    seconds = max(line.ended for line in lines) - min(line.started for line in lines)
    done = [line.output for line in lines if line.output is not None]
    steps = sum(output["length"] for output in done)
    tokens = sum(output["usage"]["prompt_tokens"] + output["usage"]["completion_tokens"] for output in done)
    firsts = statistics.quantiles(model.first_token_s, n=20)
    return [
        str(level),
        f"{60 * steps / seconds:.0f} ({steps} in {seconds:.0f} s)",
        f"{tokens / seconds:.0f}",
        f"{firsts[9]:.2f} s ({firsts[18]:.2f} s)",
        f"{summary.cached_share:.0%}",
    ]


def main() -> None:
    """Prints a Markdown table, row by row."""
    given = sys.argv[1:4]
    episodes, horizon, levels = (*given, *_DEFAULTS[len(given) :])
    titles = ["side by side", "steps a minute", "tokens a second", "first token: median (95%)", "from the cache"]
    for row in (titles, ["---"] * len(titles)):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    for level in map(int, levels.split(",")):
        row = uvloop.run(measure(level, max(level, int(episodes)), int(horizon)))
        sys.stdout.write(f"| {' | '.join(row)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
