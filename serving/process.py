"""A server in a process of its own: started, waited for, watched and stopped, with all its child processes."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import IO, Self

import httpx

from billp import platforms
from billp.errors import ServingError
from billp.serving.vllm import Launch

_LOOK_S = 0.5
_GRACE_S = 20.0  # seconds to end running calls
_TAIL = 8192  # bytes at the log's end that are searched for its last line
_ERROR = re.compile(r"\w+Error: .+")

Waiting = Callable[[float, str], None]


class ServerProcess:
    """A running server. Use as a context manager: on leaving, none of its processes is left.

    It has its own process group, so that Ctrl-C reaches this program alone, which then stops the server in order.
    """

    def __init__(self, launch: Launch, log: Path, stopping: Event) -> None:
        """Starts the server; its output goes to `log`. When `stopping` is set, waiting and watching end.

        Raises ServingError if it cannot be started at all.
        """
        self._launch = launch
        self._log = log
        self._stopping = stopping
        log.parent.mkdir(parents=True, exist_ok=True)
        with _private(log) as stream:
            try:
                self._process = subprocess.Popen(  # noqa: S603 -- the command of our own settings
                    launch.command,
                    env=launch.full_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise ServingError(f"{launch.command[0]} cannot be run ({error}); set BILLP_VLLM_PYTHON.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_ready(self, patience_s: float, on_wait: Waiting) -> bool:
        """Waits until it answers and has the model; returns False if told to stop before.

        `on_wait` is called with the seconds waited and the log's last line. Raises ServingError if it dies, or does not
        answer within `patience_s` seconds.
        """
        started = time.monotonic()
        with httpx.Client(timeout=5, trust_env=False) as client:
            while not self._stopping.wait(_LOOK_S):
                self._check()
                if self._answers(client):
                    return True
                waited = time.monotonic() - started
                if waited > patience_s:
                    raise ServingError(
                        f"vLLM did not answer within {patience_s:g} s ({self.last_line()}); "
                        f"read {self._log}, or raise vllm.start_s."
                    )
                on_wait(waited, self.last_line())
        return False

    def watch(self) -> None:
        """Returns when told to stop; raises ServingError if the server dies."""
        while not self._stopping.wait(_LOOK_S):
            self._check()

    def stop(self) -> None:
        """Asks the server to end; after 20 seconds kills it and its child processes."""
        if self._process.poll() is None:
            platforms.end(self._process, kill=False)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        platforms.end(self._process, kill=True)
        self._process.wait()

    def last_line(self) -> str:
        """Returns the last line of the log that is not blank, without the key."""
        return next(reversed(self._last_lines()), "no word")

    def _last_error(self) -> str:
        """Returns the last error in the log, as vLLM logs warnings while ending; otherwise the last line."""
        errors = filter(None, map(_ERROR.search, reversed(self._last_lines())))
        return next((error.group() for error in errors), self.last_line())

    def _last_lines(self) -> list[str]:
        """Returns the log's last lines that are not blank, without the key."""
        try:
            with self._log.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
                text = stream.read().decode(errors="replace")
        except OSError:
            return ["no log"]
        text = text.replace(self._launch.key, "[api key]") if self._launch.key else text
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _check(self) -> None:
        code = self._process.poll()
        if code is not None:
            ended = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise ServingError(f"vLLM died with {ended} ({self._last_error()}); read {self._log}.")

    def _answers(self, client: httpx.Client) -> bool:
        url = self._launch.base_url
        try:
            if not client.get(f"{url.removesuffix('/v1')}/health").is_success:
                return False
            headers = {"Authorization": f"Bearer {self._launch.key}"} if self._launch.key else {}
            models = client.get(f"{url}/models", headers=headers)
            return models.is_success and self._launch.model in [model["id"] for model in models.json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return False


def _private(path: Path) -> IO[bytes]:
    """Opens `path`, emptied and readable by this user alone: a log may hold prompts."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
