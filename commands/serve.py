"""`billp serve`: a vLLM server for this application."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Annotated

import typer

from billp.commands.console import echo
from billp.commands.output import Assignments, settings_from, stderr
from billp.platforms import ENDING

_SHOWN = 100  # characters of the log's last line


def serve(
    model: Annotated[
        str | None, typer.Option(help="model to serve: a folder or a hub name", show_default="vllm.model")
    ] = None,
    gpu_memory: Annotated[
        float | None, typer.Option(help="share of each GPU's memory to take", show_default="vllm.gpu_memory")
    ] = None,
    tensor_parallel: Annotated[
        int | None, typer.Option(help="GPUs that share the model", show_default="vllm.tensor_parallel")
    ] = None,
    prefix_caching: Annotated[
        bool | None,
        typer.Option(
            "--prefix-caching/--no-prefix-caching",
            help="keep beginnings of prompts computed",
            show_default="vllm.prefix_caching",
        ),
    ] = None,
    max_model_len: Annotated[
        int | None, typer.Option(help="tokens of a prompt with its reply", show_default="vllm.max_model_len")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cuda or cpu", show_default="vllm.device")] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on", show_default="vllm.host")] = None,
    port: Annotated[
        int | None, typer.Option(help="port to listen on; 0 is a free one", show_default="vllm.port")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the command and start nothing")] = False,
    assign: Assignments = None,
) -> None:
    """Start vLLM, wait until it answers, print its base URL, and watch it until Ctrl-C.

    The API key is llm.api_key (BILLP_LLM_API_KEY): the server asks for it and the application sends it.
    """
    from rich.text import Text

    from billp.serving.process import ServerProcess
    from billp.serving.vllm import launch

    settings = settings_from(
        assign, vllm__model=model, vllm__gpu_memory=gpu_memory, vllm__tensor_parallel=tensor_parallel,
        vllm__prefix_caching=prefix_caching, vllm__max_model_len=max_model_len, vllm__device=device,
        vllm__host=host, vllm__port=port,
    )  # fmt: skip
    ready = launch(settings.vllm, settings.llm, dry=dry_run)
    if dry_run:
        echo(ready.shown())
        return
    log = settings.data / "logs" / f"vllm-{ready.base_url.rpartition(':')[2].removesuffix('/v1')}.log"
    with _told_to_stop() as stopping, ServerProcess(ready, log, stopping) as server:
        with stderr.status(Text(f"loading {ready.model}")) as line:
            up = server.wait_until_ready(
                settings.vllm.start_s,
                lambda waited, last: line.update(Text(f"loading {ready.model}, {waited:.0f} s: {last[:_SHOWN]}")),
            )
        if up:
            echo(ready.base_url)
            stderr.print(f"Use it with BILLP_LLM_BASE_URL={ready.base_url} BILLP_LLM_MODEL={ready.model}", markup=False)
            stderr.print(f"Its log is {log}. Ctrl-C stops it.", markup=False)
            server.watch()


@contextmanager
def _told_to_stop() -> Iterator[Event]:
    """Provides an event that Ctrl-C, SIGTERM and a closed terminal set during the block, instead of ending it."""
    stopping = Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    heeded = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores SIGHUP
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
