"""What is asked all day long answers at once: no command loads what it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from billp.memory import SentenceEmbedder, catalogue_vectors
from billp.simulators import load_dataset
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder

SLOW = {
    "torch", "transformers", "sentence_transformers", "chromadb", "pyarrow", "plotly", "scipy", "aiohttp", "xllamacpp",
}  # fmt: skip
GRAPH = SLOW | {"langgraph", "langchain_core"}
QUICK = [
    (GRAPH | {"numpy", "httpx"}, ["--help", "train --help", "runs list", "episode --metod random"]),
    (GRAPH | {"httpx"}, ["data list", "simulator list", "evaluate --method randm", "evaluate --dataset tinny"]),
    (SLOW | {"langgraph"}, ["memory list", ""]),
    (SLOW, ["episode --dataset tiny --user u0 --method random"]),
]
"""What must not be loaded, and the commands that do without it."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that has been used before: simulator and item vectors are there."""
    folder = tmp_path_factory.mktemp("data")
    put_tiny(folder, folder / "source")
    embedder = HashEmbedder(SentenceEmbedder.dimension, SentenceEmbedder.name)
    catalogue_vectors(load_dataset(folder, "tiny").catalogue, embedder, folder / "vectors")
    return folder


@pytest.mark.parametrize(("spared", "commands"), QUICK, ids=[", ".join(commands) for _, commands in QUICK])
def test_a_quick_command_loads_nothing_slow(spared: set[str], commands: list[str], data: Path, tmp_path: Path):
    program = f"""
import sys
from billp import cli
for command in {commands!r}:
    try:
        cli.main(command.split())
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
    print("loaded", sorted({spared!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path), "BILLP_DATA_DIR": str(data)},
    )  # fmt: skip
    ends = [line for line in done.stderr.splitlines() if line in ("0", "1", "2") or line.startswith("loaded")]
    expected = [(2 if "--metod" in each or "randm" in each or "tinny" in each else 0) for each in commands]
    assert ends == [line for code in expected for line in (str(code), "loaded []")], done.stderr
