"""A real `billp api`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.dev_server import environment


@contextmanager
def serving_people(
    home: Path, command: str, *more: str, llm_url: str = "http://127.0.0.1:9/v1", **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running service with its data in `home`, and its address; `settings` are variables."""
    log = home / "log"
    with log.open("a") as stream, subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "billp.cli", *command.split(), *more], cwd=home, stdout=subprocess.PIPE, stderr=stream,
        text=True, env=environment(home, llm_url) | {"OMP_NUM_THREADS": "1"} | settings,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), log.read_text()
        try:
            yield process, url
        except AssertionError as error:
            error.add_note(f"The service's log ends:\n{log.read_text()[-6000:]}")
            raise
        finally:
            process.kill()
