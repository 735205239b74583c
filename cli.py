"""The command `billp`: puts the commands together and turns errors into exit codes.

0: done. 1: some episode failed, or a server could not be started. 2: bad input. 130: Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

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
    play,
    prompts,
    report,
    serve,
    simulator,
    studio,
    surface,
    tuning,
)
from billp.commands.console import complain, log_to_stderr
from billp.errors import BadInputError, BillpError, BrokenOffError

app = typer.Typer(
    help="Long-term recommendation by LLM planners that learn from experience.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(simulator.app, name="simulator")
app.command()(episodes.train)
app.command()(episodes.evaluate)
app.command()(episodes.episode)
app.command()(play.play)
app.command()(compare.compare)
app.command()(surface.surface)
app.command()(report.report)
app.command("critic")(critic.critic)
app.command()(tuning.tune)
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(memory.app, name="memory")
app.add_typer(prompts.app, name="prompts")
app.command()(serve.serve)
app.command()(studio.studio)
app.add_typer(api.app, name="api")
app.command("doctor")(doctor.doctor)
app.command("graph")(inspect.graph)
app.command("settings")(inspect.settings)
app.command()(demo.demo)


@app.callback()
def options(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="log to stderr")] = False) -> None:
    """Long-term recommendation by LLM planners that learn from experience."""
    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    if not verbose:
        logging.getLogger("httpx").setLevel(logging.WARNING)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ends the process with the exit code."""
    # Nothing leaves this machine unasked, and checkpoints load plain types only.
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    try:
        app(args=None if arguments is None else list(arguments))
    except BadInputError as error:
        complain(f"billp: {error}")
        sys.exit(2)
    except BrokenOffError as error:
        complain(f"billp: {error}")
        sys.exit(130)
    except BillpError as error:
        complain(f"billp: {error}")
        sys.exit(1)
    except OSError as error:  # mostly a full or read-only disk, where nothing more could be said of it
        complain(f"billp: {error.filename or 'A file'} cannot be used ({error.strerror or error}); mend that.")
        sys.exit(2)
    except SystemExit as ended:
        if ended.code == 130:  # Ctrl-C, which Typer turns into this without a word
            complain("billp: interrupted; a run goes on with --run NAME --resume.")
        raise


if __name__ == "__main__":
    main()
