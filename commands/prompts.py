"""`billp prompts`: lists, shows and checks prompt packs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from billp.commands.console import echo
from billp.commands.output import AsJson, PromptsFolder, settings_from, show_json, show_table, stdout
from billp.commands.typed_path import typed_path

app = typer.Typer(help="List, show and check prompt packs.", no_args_is_help=True)


@app.command("list")
def list_(prompts: PromptsFolder = None, as_json: AsJson = False) -> None:
    """List the packs that are shipped, and the roles of the one in use."""
    from billp.agents.prompt_pack import load_pack, shipped_packs

    pack = load_pack(settings_from(prompts=prompts).prompts)
    rows = [(role, prompt.version, prompt.purpose) for role, prompt in pack.prompts.items()]
    if as_json:
        roles = [{"role": role, "version": version, "purpose": purpose} for role, version, purpose in rows]
        show_json(
            {
                "shipped": shipped_packs(),
                "pack": pack.name,
                "folder": str(pack.folder),
                "sha256": pack.digest,
                "roles": roles,
            }
        )
    else:
        stdout.print(f"Shipped: {', '.join(shipped_packs())}; in use: {pack.name} ({pack.folder})")
        show_table(["role", "version", "purpose"], rows)


@app.command()
def show(
    role: Annotated[str, typer.Argument(help="a role, as `billp prompts list` names them")],
    prompts: PromptsFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show one role's prompt: the fixed part, then the part that changes."""
    from billp.agents.prompt_pack import SEPARATOR, load_pack
    from billp.errors import PromptError

    pack = load_pack(settings_from(prompts=prompts).prompts)
    if role not in pack.prompts:
        raise PromptError(f"There is no role {role!r}; roles are {', '.join(pack.prompts)}.")
    prompt = pack[role]
    if as_json:
        show_json(
            {
                "role": role,
                "version": prompt.version,
                "purpose": prompt.purpose,
                "variables": sorted(prompt.variables),
                "fixed": prompt.fixed,
                "changing": prompt.changing.strip(),
            }
        )
        return
    echo(f"{prompt.fixed}\n{SEPARATOR}{prompt.changing.strip()}")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(parser=typed_path, metavar="DIR", help="folder of a prompt pack")],
    as_json: AsJson = False,
) -> None:
    """Check that a pack has every role and no missing, unknown or misspelt variable."""
    from billp.agents.prompt_pack import load_pack

    pack = load_pack(folder)
    if as_json:
        show_json({"pack": pack.name, "folder": str(pack.folder), "sha256": pack.digest, "roles": list(pack.prompts)})
        return
    stdout.print(f"{folder} is a whole prompt pack ({len(pack.prompts)} roles)")
