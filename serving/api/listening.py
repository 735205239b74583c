"""The web server around an application."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import uvicorn
from starlette.types import ASGIApp

from billp.errors import BadInputError
from billp.platforms import signals_to

_WAITING = 2048  # connections that may wait to be accepted
_KEPT_S = 75  # seconds that an idle connection stays open: people take a while to answer
_FAREWELL_S = 10  # seconds for running requests when the server is told to stop


def check_guarded(host: str, *, guarded: bool) -> None:
    """Raises BadInputError if other machines could reach a service that requires no token."""
    if guarded:
        return
    if not all(address.is_loopback for address in _addresses(host)):
        raise BadInputError(
            f"On {host} others could use this service in anybody's name; make tokens first (`billp api token --user "
            "NAME`), or listen on 127.0.0.1."
        )


def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    with suppress(ValueError):
        return [ip_address(host)]
    try:
        found = socket.getaddrinfo(host, None)
    except OSError as error:
        raise BadInputError(f"There is no address {host} ({error.strerror}); give another --host.") from error
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


async def listen(app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serves `app` until SIGINT or SIGTERM; calls `ready` with the address, in which port 0 is now a free one.

    Raises BadInputError if nothing can listen there.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        door = socket.create_server(address[:2], family=family, backlog=_WAITING)
    except OSError as error:
        raise BadInputError(
            f"Nothing can listen on {host} port {port} ({error.strerror}); give another --host or --port."
        ) from error
    with door:
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
            timeout_graceful_shutdown=_FAREWELL_S, timeout_keep_alive=_KEPT_S, backlog=_WAITING,
        )  # fmt: skip
        ready(f"http://{shown}:{door.getsockname()[1]}")
        server = _Server(config)
        with signals_to(lambda number: server.handle_exit(number, None), [signal.SIGINT, signal.SIGTERM]):
            await server.serve([door])


class _Server(uvicorn.Server):
    """Leaves signals to `listen`: uvicorn would send them on when it stops, before anything here is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield
