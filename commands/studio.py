"""`billp studio`: the development server of LangGraph, for Studio and the local page."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from billp.commands.output import settings_from
from billp.errors import BadInputError

_CONFIG = Path(__file__).parents[1] / "langgraph.json"
_NEEDED = ("langgraph_cli", "langgraph_api", "langgraph_runtime_inmem")


def studio(
    host: Annotated[str, typer.Option(help="address to listen on; the default is this machine alone")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 2024,
    jobs: Annotated[int, typer.Option(min=1, help="episodes that may run side by side")] = 10,
) -> None:
    """Serve the graphs for LangGraph Studio, and the local page: `langgraph dev`, from any folder."""
    if any(find_spec(name) is None for name in _NEEDED):
        raise BadInputError(
            "LangGraph's development server is not installed; it is under the Elastic License 2.0 and comes with the "
            "extra studio: run `pip install -e '.[studio]'`."
        )
    if not _CONFIG.is_file():
        raise BadInputError(
            f"There is no {_CONFIG}; run this from a checkout that was installed with `pip install -e`."
        )
    config = _put_for_any_folder(settings_from().data)
    command = [
        sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload", "--config", str(config),
        "--host", host, "--port", str(port), "--n-jobs-per-worker", str(jobs),
    ]  # fmt: skip
    os.execv(sys.executable, command)  # noqa: S606 -- this process becomes the server, so that signals reach it


def _put_for_any_folder(data: Path) -> Path:
    """Writes a copy of langgraph.json with absolute paths, since the server resolves them in its folder."""
    root = _CONFIG.parent
    config: dict[str, Any] = json.loads(_CONFIG.read_text(encoding="utf-8"))
    config["dependencies"] = [str(root)]
    config["graphs"] = {name: {**graph, "path": str(root / graph["path"])} for name, graph in config["graphs"].items()}
    config["http"]["app"] = str(root / config["http"]["app"])
    copy = data / "studio" / _CONFIG.name
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(config, indent=2), encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"{copy} cannot be written ({error.strerror}); set BILLP_DATA_DIR to another folder."
        ) from error
    return copy
