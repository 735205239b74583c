"""The command `billp`: assembles the commands and turns errors into exit codes.

0: done. 1: some episode failed, or a server could not be started. 2: bad input. 130: Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from billp.commands import (
    api,
    compare,
    critic,
    data,
    demo,
    doctor,
    episodes,
    inspect,
    knowledge,
    memory,
    next_steps,
    play,
    prompts,
    report,
    runs,
    serve,
    simulator,
    studio,
    surface,
    tuning,
    ui,
)
from billp.commands.console import complain, echo, log_to_stderr
from billp.commands.usage import usage_fault
from billp.errors import BadInputError, BillpError, BrokenOffError, unusable
from billp.platforms import open_standard_streams

_START, _RUN, _LOOK, _KEEP, _SERVE = _PANELS = ("Start here", "Run", "Look", "Data and memory", "Serve")


class _ByPanel(TyperGroup):
    """Lists commands in the order of their panels; by itself Typer lists commands that have subcommands last."""

    def list_commands(self, ctx: object) -> list[str]:
        return sorted(self.commands, key=lambda name: _PANELS.index(vars(self.commands[name])["rich_help_panel"]))


app = typer.Typer(
    cls=_ByPanel,
    help="Long-term recommendation by LLM planners that learn from experience.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # a paragraph of a docstring is one paragraph, however its lines are broken
)
app.command(rich_help_panel=_START)(demo.demo)
app.command("doctor", rich_help_panel=_START)(doctor.doctor)
app.command(rich_help_panel=_START)(play.play)
app.command(rich_help_panel=_RUN)(episodes.train)
app.command(rich_help_panel=_RUN)(episodes.evaluate)
app.command(rich_help_panel=_RUN)(episodes.episode)
app.command(rich_help_panel=_RUN)(compare.compare)
app.command(rich_help_panel=_RUN)(surface.surface)
app.command("critic", rich_help_panel=_RUN)(critic.critic)
app.command(rich_help_panel=_RUN)(tuning.tune)
app.command(rich_help_panel=_LOOK)(report.report)
app.add_typer(runs.app, name="runs", rich_help_panel=_LOOK)
app.command("graph", rich_help_panel=_LOOK)(inspect.graph)
app.add_typer(inspect.settings_app, name="settings", rich_help_panel=_LOOK)
app.add_typer(data.app, name="data", rich_help_panel=_KEEP)
app.add_typer(simulator.app, name="simulator", rich_help_panel=_KEEP)
app.add_typer(memory.app, name="memory", rich_help_panel=_KEEP)
app.add_typer(knowledge.app, name="knowledge", rich_help_panel=_KEEP)
app.add_typer(prompts.app, name="prompts", rich_help_panel=_KEEP)
app.command(rich_help_panel=_LOOK)(ui.ui)
app.command(rich_help_panel=_SERVE)(studio.studio)
app.command(rich_help_panel=_SERVE)(serve.serve)
app.add_typer(api.app, name="api", rich_help_panel=_SERVE)

_CTRL_C = 130
_CODES: dict[type[BillpError], int] = {BadInputError: 2, BrokenOffError: _CTRL_C, BillpError: 1}


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"billp {metadata.version('billp')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="log to stderr")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="show the version", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Long-term recommendation by LLM planners that learn from experience.

    Without a command it says what to do next.
    """
    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    if not verbose:
        logging.getLogger("httpx").setLevel(logging.WARNING)
    if context.invoked_subcommand is None:
        next_steps.show()


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ends the process with the exit code."""
    open_standard_streams()
    # Nothing leaves this machine unasked, and checkpoints load plain types only.
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    code, said = _done([*(sys.argv[1:] if arguments is None else arguments)])
    if said:
        complain(f"billp: {said}")
    sys.exit(code)


def _done(arguments: list[str]) -> tuple[int, str]:
    """Runs a command; returns the exit code and what went wrong."""
    try:
        code = app(args=arguments, prog_name="billp", standalone_mode=False) or 0
    except TyperException as error:
        return error.exit_code, usage_fault(error)
    except typer.Abort:
        return 1, "broken off; nothing was changed."
    except BillpError as error:
        return next(code for kind, code in _CODES.items() if isinstance(error, kind)), str(error)
    except OSError as error:  # usually a full or read-only disk
        return 2, unusable(error)
    return code, "interrupted; a run goes on with --run NAME --resume." if code == _CTRL_C else ""


if __name__ == "__main__":
    main()
