"""`billp api`: the service for people."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.console import echo
from billp.commands.options import RunOptions, run_command
from billp.commands.output import AsJson, settings_from, show_json, show_results, stderr, stdout
from billp.commands.running import run_to_end
from billp.errors import BadInputError
from billp.names import checked_name

if TYPE_CHECKING:
    from billp.serving.api.service import ServicePlan
    from billp.serving.api.trial import Field, Trial
    from billp.settings import Settings

app = typer.Typer(help="The service for people.", invoke_without_command=True)
_NEEDED = ("fastapi", "langgraph.checkpoint.sqlite", "prometheus_client", "psycopg", "uvicorn")
Name = Annotated[str, typer.Option(help="name of the service: sessions and tokens belong to it")]
_CAPTION = (
    "In brackets 95% intervals. Difference: served less control; where its interval holds 0, these sessions do not "
    "tell which is better."
)
_MEASURES: dict[Field, tuple[str, int]] = {
    "length": ("items a session", 1),
    "reward_each": ("stars an item", 2),
    "reward_trajectory": ("stars a session", 1),
}


@app.callback()
@run_command("api")
def api(
    options: RunOptions,
    context: typer.Context,
    freeze: Annotated[bool, typer.Option("--freeze", help="learn nothing from answers")] = False,
    control: Annotated[float, typer.Option(min=0, max=0.9, help="share of the users that another method serves")] = 0.0,
    control_method: Annotated[str, typer.Option(help="the method that serves them; it teaches nothing")] = "popular",
    name: Name = "people",
    host: Annotated[str, typer.Option(help="address to listen on; the default is this machine alone")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 is a free one")] = 8080,
) -> None:
    """Serve recommendations to people over HTTP, and learn from their answers, until Ctrl-C.

    Where there are tokens (`billp api token`), every request must come with one; on another address than this
    machine's own there must be. Sessions go on after a restart.
    """
    if context.invoked_subcommand is not None:
        return
    _check_installed()
    from billp.serving.api.service import ServicePlan, check_plan

    settings = options.settings()
    plan = ServicePlan(
        name=checked_name("service", name), dataset=options.dataset, method=options.method, memory=options.memory,
        learns=not freeze, untrained=options.untrained, seed=options.seed(), control=control,
        control_method=control_method,
    )  # fmt: skip
    check_plan(settings, plan)
    run_to_end(lambda: _serve(settings, plan, host, port))


@app.command()
def token(
    user: Annotated[str, typer.Option(help="whose token it is; they see their own sessions alone")],
    revoke: Annotated[bool, typer.Option("--revoke", help="delete all tokens of the user instead")] = False,
    name: Name = "people",
) -> None:
    """Make a token for a user, and print it this once; only its hash is kept."""
    _check_installed()
    if not user.strip() or not user.isprintable():
        raise BadInputError(f"{user!r} cannot be the name of a user; take one that can be read.")
    settings = settings_from()
    if revoke:
        count = run_to_end(lambda: _revoke(settings, checked_name("service", name), user))
        stdout.print(f"{count} tokens of {user} deleted")
    else:
        echo(run_to_end(lambda: _make_token(settings, checked_name("service", name), user)))


@app.command()
def report(name: Name = "people", as_json: AsJson = False) -> None:
    """Compare what the served method and the control brought, with 95% intervals over users.

    A user's sessions are averaged first, so that each user counts once.
    """
    _check_installed()
    from billp.serving.api.service import check_service

    settings = settings_from()
    check_service(settings, checked_name("service", name))
    trial = run_to_end(lambda: _trial(settings, name))
    if as_json:
        show_json(trial)
    else:
        show_trial(trial)


def show_trial(trial: Trial) -> None:
    """Prints the trial: one line for each number, the arms and their difference side by side."""
    from billp.experiments.stats.numbers import signed_interval, with_interval
    from billp.experiments.stats.tables import TextTable

    if not trial.arms:
        stdout.print("No session has ended yet.")
        return
    arms, far = trial.arms, trial.differences
    rows = {
        "method": [", ".join(arm.methods) for arm in arms],
        "users": [f"{arm.users:,}" for arm in arms],
        "sessions": [f"{arm.sessions:,}" for arm in arms],
        "of these left": [f"{arm.left:,}" for arm in arms],
        **{
            words: [
                *(with_interval(getattr(arm, field), digits) for arm in arms),
                *([signed_interval(far[field], digits)] if far else []),
            ]
            for field, (words, digits) in _MEASURES.items()
        },
    }
    columns = ("", *(arm.arm for arm in arms), *(["difference"] if far else []))
    lines = ((name, *cells, *[""] * (len(columns) - 1 - len(cells))) for name, cells in rows.items())
    show_results(TextTable("ended sessions, means over users", columns, tuple(lines), _CAPTION if far else ""))


def _check_installed() -> None:
    try:
        missing = [name for name in _NEEDED if find_spec(name) is None]
    except ModuleNotFoundError as error:  # of the package around one of them
        missing = [str(error.name)]
    if missing:
        raise BadInputError("The service comes with the extra api: run `pip install -e '.[api]'`.")


async def _serve(settings: Settings, plan: ServicePlan, host: str, port: int) -> None:
    from billp.graphs.resources import Resources
    from billp.serving.api.app import make_app
    from billp.serving.api.listening import check_guarded, listen
    from billp.serving.api.logs import log_json
    from billp.serving.api.service import open_service

    def ready(url: str) -> None:
        echo(url)
        stderr.print("Ctrl-C stops it.", markup=False)
        log_json()  # from here on: before, people read what is said

    async with Resources(settings) as resources, open_service(resources, plan) as service:
        guarded = await service.tokens.there_are()
        check_guarded(host, guarded=guarded)
        await listen(make_app(service, guarded=guarded), host, port, ready)


async def _make_token(settings: Settings, name: str, user: str) -> str:
    from billp.serving.api.service import open_tokens

    async with open_tokens(settings, name) as tokens:
        return await tokens.make(user)


async def _revoke(settings: Settings, name: str, user: str) -> int:
    from billp.serving.api.service import open_tokens

    async with open_tokens(settings, name) as tokens:
        return await tokens.revoke(user)


async def _trial(settings: Settings, name: str) -> Trial:
    from billp.serving.api.service import open_records
    from billp.serving.api.trial import trial_of

    async with open_records(settings, name) as records:
        return await trial_of(records)
