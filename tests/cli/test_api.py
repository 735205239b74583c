"""`billp api` from the command line: what is refused, tokens, and the report."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import numpy as np
import pytest

from billp.commands.api import show_trial
from billp.experiments.stats.intervals import difference_between, mean_of
from billp.serving.api.service import open_records
from billp.serving.api.trial import ARMS, FIELDS, ArmOutcome, Trial
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


def test_the_report_says_in_words_how_the_arms_differ(capsys: pytest.CaptureFixture[str]):
    tables = [np.array([[6.0, 8.0, 10.0]]), np.array([[5.0, 5.0, 6.0]])]
    arms = [
        ArmOutcome(
            arm=arm, methods=[method], users=3, sessions=1204, left=2,
            **dict.fromkeys(FIELDS, mean_of([table], trained=False)),
        )
        for arm, method, table in zip(ARMS, ("billp", "popular"), tables, strict=True)
    ]  # fmt: skip
    show_trial(Trial(arms=arms, differences=dict.fromkeys(FIELDS, difference_between(*tables))))
    said = " ".join(capsys.readouterr().out.split())
    assert "served control difference" in said
    assert "sessions 1,204 1,204" in said
    assert re.search(r"stars a session 8\.0 .* 5\.3 .* \+2\.7", said)
    assert "served less control" in said
