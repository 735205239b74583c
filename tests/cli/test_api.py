"""`billp api` from the command line: what is refused, tokens, and the report."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from billp.serving.api.service import open_records
from billp.settings import load_settings
from tests.cli.conftest import Billp

AT = ("api", "--dataset", "tiny", "--method", "billp-memory-only", "--port", "0")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--memory", "nothing"], "There is no memory 'nothing'"),
        (["--untrained"], "Only a memory that is named can be --untrained"),
        (["--method", "oracle"], "serves simulated users only"),
        (["--control", "0.1", "--control-method", "billp-memory-only"], "A control is served by another method"),
        (["--host", "0.0.0.0"], "make tokens first"),
        (["--host", "192.0.2.1"], "make tokens first"),
        (["--name", "a/b"], "cannot be the name of a service"),
    ],
)
def test_what_cannot_be_served_ends_with_2(billp: Billp, tiny: Path, hashed: None, more: list[str], words: str):
    said = billp(*AT, *more)
    assert said.code == 2
    assert words in said.words


def test_tokens_are_printed_once_and_revoked(billp: Billp, tiny: Path):
    one, other = billp("api", "token", "--user", "Ada"), billp("api", "token", "--user", "Ada")
    assert one.code == 0, one.err
    assert one.out.strip().startswith("billp_")
    assert one.out != other.out
    folder = Path(os.environ["BILLP_DATA_DIR"]) / "services" / "people"
    assert not [path for path in folder.iterdir() if one.out.strip().encode() in path.read_bytes()]
    assert {path.stat().st_mode & 0o077 for path in folder.glob("*.sqlite")} == {0}
    assert "2 tokens of Ada deleted" in billp("api", "token", "--user", "Ada", "--revoke").out
    assert billp("api", "token", "--user", "\n").code == 2


def test_the_report_names_a_service_that_is_not_there_and_shows_one_that_is(billp: Billp, tiny: Path):
    assert "There is no service 'people'" in billp("api", "report").words

    async def prepared() -> None:
        async with open_records(load_settings(), "people"):
            pass

    asyncio.run(prepared())
    assert "No session has ended yet." in billp("api", "report").out
    assert billp("api", "report", "--json").json == {"arms": [], "differences": {}}
