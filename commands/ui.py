"""`billp ui`: the local page alone, without LangGraph's server."""

from __future__ import annotations

import threading
import time
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.console import echo

if TYPE_CHECKING:
    import uvicorn


def ui(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 is a free one")] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in the browser")] = True,
) -> None:
    """Serve the local page: runs, episodes step by step, and what memories hold. Ctrl-C ends it.

    It listens on this machine alone. LangGraph Studio has the same page beside it: billp studio.
    """
    import uvicorn

    from billp.errors import BadInputError
    from billp.pages.app import app

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    threading.Thread(target=_announce, args=(server, browser), daemon=True).start()
    try:
        server.run()
    except KeyboardInterrupt:  # how it is meant to end
        return
    except SystemExit as ended:  # uvicorn's way to say that the port cannot be had
        raise BadInputError(f"Port {port} of 127.0.0.1 cannot be used; another program may: choose --port.") from ended


def _announce(server: uvicorn.Server, browser: bool) -> None:
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port}/page/"
    echo(address)
    if browser:
        webbrowser.open(address)
