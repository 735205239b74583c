"""`billp demo --recorded` on the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Billp


def test_it_shows_an_episode_a_table_and_where_the_page_is(billp: Billp):
    shown = billp("demo", "--recorded").words
    assert "thought" in shown
    assert "Recorded with qwen2.5-coder-1.5b-instruct" in shown
    told = billp("demo", "--recorded", "--json").json
    assert Path(told["report"]).is_file()
    labels = [row["label"] for row in told["rows"]]
    for row in ("random", "act-only", "billp-no-logs before learning", "billp-no-logs after 6 episodes"):
        assert row in labels
        assert row.split()[0] in shown
    assert told["episode"]["usage"]["calls"] > 0
