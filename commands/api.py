"""`billp api`: the service for people."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.console import echo
from billp.commands.output import Assignments, PromptsFolder, settings_from, stderr
from billp.commands.running import Dataset, MethodName
from billp.errors import BadInputError
from billp.names import checked_name

if TYPE_CHECKING:
    from billp.serving.api.service import ServicePlan
    from billp.settings import Settings

app = typer.Typer(help="The service for people.", invoke_without_command=True)
_NEEDED = ("fastapi", "uvicorn", "aiosqlite", "psycopg", "prometheus_client")
Name = Annotated[str, typer.Option(help="name of the service: sessions belong to it")]


@app.callback()
def api(
    context: typer.Context,
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    memory: Annotated[str | None, typer.Option(help="memory that all share; none gives each user their own")] = None,
    untrained: Annotated[bool, typer.Option("--untrained", help="begin with a memory that holds nothing yet")] = False,
    freeze: Annotated[bool, typer.Option("--freeze", help="learn nothing from answers")] = False,
    seed: Annotated[int, typer.Option(min=0, help="fixes sampling")] = 0,
    name: Name = "people",
    host: Annotated[str, typer.Option(help="address to listen on; the default is this machine alone")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 is a free one")] = 8080,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
) -> None:
    """Serve recommendations to people over HTTP, and learn from their answers, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    _check_installed()
    from billp.serving.api.service import ServicePlan, check_plan

    settings = settings_from(assign, prompts=prompts)
    plan = ServicePlan(
        name=checked_name("service", name), dataset=dataset, method=method, memory=memory, learns=not freeze,
        untrained=untrained, seed=seed,
    )  # fmt: skip
    check_plan(settings, plan)

    import uvloop

    uvloop.run(_serve(settings, plan, host, port))


def _check_installed() -> None:
    if any(find_spec(name) is None for name in _NEEDED):
        raise BadInputError("The service comes with the extra api: run `pip install -e '.[api]'`.")


async def _serve(settings: Settings, plan: ServicePlan, host: str, port: int) -> None:
    from billp.graphs.workshop import Workshop
    from billp.serving.api.app import make_app
    from billp.serving.api.listening import listen
    from billp.serving.api.service import open_service

    def ready(url: str) -> None:
        echo(url)
        stderr.print("Ctrl-C stops it.", markup=False)

    async with Workshop(settings) as workshop, open_service(workshop, plan) as service:
        await listen(make_app(service), host, port, ready)
