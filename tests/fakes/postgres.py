"""A PostgreSQL of its own for tests: Debian's package, data in a temporary folder, reached by a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 90


def postgres_tools() -> Path | None:
    """The folder of the newest PostgreSQL that is installed; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    url: str
    crash: Callable[[], None]
    """Ends it as a crash does, without a checkpoint."""
    start: Callable[[], None]
    """Starts it again; it recovers from its log."""


@contextmanager
def running_postgres(tools: Path) -> Iterator[Postgres]:
    """A running server that ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="billp-pg-"))  # not pytest's, which another user could not enter
    somebody = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    if somebody:
        entry = pwd.getpwnam(somebody)
        os.chown(folder, entry.pw_uid, entry.pw_gid)

    def run(tool: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603
            [str(tools / tool), *arguments], check=True, capture_output=True, timeout=_PATIENCE_S, cwd=folder,
            user=somebody, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "billp", "--auth=trust", "--no-sync", "--encoding=UTF8")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"

        def start() -> None:
            run("pg_ctl", "-D", data, "-w", "-t", str(_PATIENCE_S), "-l", str(folder / "log"), "-o", options, "start")

        def crash() -> None:
            run("pg_ctl", "-D", data, "-w", "-t", str(_PATIENCE_S), "-m", "immediate", "stop")

        start()
        try:
            yield Postgres(f"postgresql://billp@/postgres?host={folder}", crash, start)
        finally:
            crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
