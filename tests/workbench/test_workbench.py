"""`import billp`: runs, simulators and memories in Python."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import billp
from billp.errors import BadInputError, MemoryStoreError, SettingsError
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import hash_everywhere
from tests.fakes.progress import HiddenProgress

ROOT = Path(__file__).parents[2]
SHORT = {"run.horizon": 4}


@pytest.fixture(autouse=True)
def data(own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(os.environ["BILLP_DATA_DIR"])
    put_tiny(folder, tmp_path / "source")
    hash_everywhere(monkeypatch.setattr)
    return folder


def compared(**more: Any) -> billp.Result:
    return billp.compare(
        ["random", "billp-memory-only-no-logs"], dataset="tiny", episodes=4, users=3, seeds=[0, 1], settings=SHORT,
        progress=False, **more,
    )  # fmt: skip


def test_a_comparison_gives_tables_figures_and_a_report():
    found = compared(probes=[0])

    table = found.to_pandas()
    assert list(table.index) == ["random", "billp-memory-only-no-logs"]
    assert (table.r_traj_low <= table.r_traj).all()
    assert (table.r_traj <= table.r_traj_high).all()

    pairs = found.differences().set_index("metric")
    expected = table.r_traj["billp-memory-only-no-logs"] - table.r_traj["random"]
    assert pairs.difference["r_traj"] == pytest.approx(expected)

    episodes, steps = found.episodes(), found.steps()
    of_random = episodes[(episodes.method == "random") & (episodes.command == "evaluate")]
    assert of_random.groupby("user").reward_trajectory.mean().mean() == pytest.approx(table.r_traj["random"])
    assert len(steps) == int(episodes.length.sum())

    assert {trace.y[0] for trace in found.plot().data} >= {"random", "billp-memory-only-no-logs"}
    assert len(found.plot("learning").data) == 1
    assert "random" in found.report().read_text(encoding="utf-8")
    assert "| random |" in str(found)


def test_a_memory_is_trained_read_and_searched():
    billp.train("billp-memory-only-no-logs", dataset="tiny", episodes=3, memory="mine", settings=SHORT, progress=False)

    found = billp.evaluate(
        "billp-memory-only-no-logs", dataset="tiny", users=2, memory="mine", settings=SHORT, progress=False
    )

    assert found.methods["billp-memory-only-no-logs"].episodes == 2
    with billp.Memory("mine", dataset="tiny") as memory:
        count = memory.stats().counts["actor"]
        assert count > 0
        assert len(memory.to_pandas("actor")) == count
        assert len(memory.search("a comedy", "actor", k=2)) == 2
    with pytest.raises(BadInputError):
        found.differences()


def test_it_runs_inside_a_running_event_loop_as_in_a_notebook():
    async def cell() -> billp.Result:
        return billp.evaluate("random", dataset="tiny", users=1, settings=SHORT, progress=False)

    assert asyncio.run(cell()).methods["random"].episodes == 1


def test_what_is_not_there_is_refused_by_name():
    with pytest.raises(SettingsError, match="did you mean random"):
        billp.evaluate("randm", dataset="tiny", progress=False)
    with pytest.raises(MemoryStoreError, match="nosuch"):
        billp.Memory("nosuch", dataset="tiny")
    with pytest.raises(BadInputError, match="learning"):
        billp.evaluate("random", dataset="tiny", users=1, settings=SHORT, progress=False).plot("learning")
    with pytest.raises(AttributeError):
        _ = billp.nothing_of_this_name


def test_a_simulator_gives_environments_and_says_how_right_it_is():
    simulator = billp.Simulator("tiny")

    env = simulator.environment(split="train", quit_rule="patience")
    env.reset(seed=0)
    _, reward, *_ = env.step(1)

    assert 1 <= float(reward) <= 5
    many = simulator.environments(3)
    many.reset(seed=0)
    assert many.step(np.array([0, 1, 2]))[1].shape == (3,)
    assert simulator.info().train.users > 0


def test_importing_billp_loads_nothing_heavy():
    code = "import sys, billp; print(any(m in sys.modules for m in ('torch', 'chromadb', 'langgraph')))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert said.stdout.strip() == "False"


def test_the_notebook_runs(data: Path, monkeypatch: pytest.MonkeyPatch):
    notebook = json.loads((ROOT / "examples" / "first_steps.ipynb").read_text(encoding="utf-8"))
    monkeypatch.setattr("billp.workbench.runs.Progress", HiddenProgress)
    names: dict[str, Any] = {}

    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"]).replace('"ml-100k"', '"tiny"').replace("users=20", "users=2")
            exec(source, names)  # noqa: S102 -- our own example

    assert names["found"].comparison is not None
    assert names["table"].shape[0] == 3


@pytest.mark.parametrize("name", ["own_agent", "own_data", "own_method"])
def test_the_examples_run(name: str, tmp_path: Path, data: Path):
    example = ROOT / "examples" / f"{name}.py"
    arguments = {"own_agent": ["tiny"], "own_data": [str(tmp_path / "shop")], "own_method": ["tiny", "5"]}[name]
    said = subprocess.run(  # noqa: S603 -- our own example
        [sys.executable, str(example), *arguments],
        capture_output=True, text=True, check=False, env=dict(os.environ), cwd=tmp_path,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "R_traj" in said.stdout
    if name == "own_method":
        assert "| apart |" in said.stdout
