"""A real vLLM on the CPU, started by `billp serve` and shared by all tests; its model is converted once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from billp.serving.embedded import model_file
from billp.settings import Settings

ROOT = Path(__file__).parents[2]
INTERPRETER = Path(os.environ.get("BILLP_VLLM_PYTHON", ROOT / ".venv-vllm" / "bin" / "python"))
KEY, NAME, CONTEXT = "sk-planted-vllm-0123456789", "smollm2", 1024
PATIENCE_S = 600  # a machine that does other things as well takes minutes to load vLLM


@dataclass
class Vllm:
    """`billp serve` as a process of its own, which may be started again on the same port."""

    model: Path
    home: Path
    port: int
    log: Path = field(init=False)
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.log = self.home / "serve.log"

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Returns when it has printed its base URL."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "PYTHONPATH": str(ROOT),
            "BILLP_DATA_DIR": str(self.home),
            "BILLP_VLLM_PYTHON": str(INTERPRETER),
            "BILLP_VLLM_NAME": NAME,
            "BILLP_VLLM_EAGER": "true",
            "BILLP_VLLM_MAX_MODEL_LEN": str(CONTEXT),
            "BILLP_VLLM_START_S": str(PATIENCE_S),
            "BILLP_LLM_API_KEY": KEY,
        }
        arguments = f"serve --device cpu --model {self.model} --port {self.port}"
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "billp.cli", *arguments.split()],
                cwd=self.home, env=environment, stdout=subprocess.PIPE, stderr=stream, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said == self.base_url, self.words()

    def kill_the_server(self) -> None:
        """Kills vLLM itself without warning, and waits until `billp serve` has noticed."""
        for server in self.children():
            os.kill(server, 9)
        assert self._exit_code() == 1, self.words()

    def children(self) -> list[int]:
        """Processes that `billp serve` started itself."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(number) for number in path.read_text().split()]

    def stop(self) -> int:
        """Exit code after SIGTERM."""
        assert self.process is not None
        self.process.terminate()
        return self._exit_code()

    def _exit_code(self) -> int:
        """Of `billp serve`, once it has ended."""
        assert self.process is not None
        self.process.communicate(timeout=60)
        return self.process.returncode

    def words(self) -> str:
        """What `billp serve` said on stderr, and what vLLM said."""
        logs = [self.log, *self.home.glob("logs/vllm-*.log")]
        return "\n".join(path.read_text(errors="replace") for path in logs if path.exists())


@pytest.fixture(scope="session")
def model() -> Path:
    """SmolLM2 as vLLM takes it, beside the environment of vLLM."""
    target = INTERPRETER.parents[1] / "smollm2"
    source = model_file(Settings())
    converter = str(Path(__file__).with_name("convert.py"))
    subprocess.run([str(INTERPRETER), converter, str(source), str(target)], check=True)  # noqa: S603
    return target


@pytest.fixture(scope="session")
def vllm(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    """A running server; a test that kills it starts it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Vllm(model, tmp_path_factory.mktemp("vllm"), port)
    began = time.monotonic()
    server.start()
    sys.stderr.write(f"vLLM answered after {time.monotonic() - began:.0f} s\n")
    yield server
    if server.process is not None and server.process.poll() is None:
        assert server.stop() == 0, server.words()
