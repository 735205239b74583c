"""JSON Lines as tables."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from billp.errors import DataError
from billp.simulators.data.importers.opening import open_table, table_name

LINES = b"""{"user_id": "a", "asin": "B1", "rating": 5.0, "n": 3, "tags": ["x", {"name": "y"}], "title": null}

{"user_id": "b", "asin": "B2", "rating": "4,5", "n": true, "more": 1}
"""


def written(folder: Path, content: bytes, name: str = "t.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json", "t.jsonl.gz"])
def test_objects_are_rows_and_their_keys_columns(tmp_path, name):
    path = written(tmp_path, gzip.compress(LINES) if name.endswith("gz") else LINES, name)
    table = open_table(path)
    assert table.names == ("user_id", "asin", "rating", "n", "tags", "title", "more")
    assert list(table.rows(("asin", None, "rating", "n", "tags", "title", "more"))) == [
        (1, ("B1", "", "5.0", "3", '["x", {"name": "y"}]', "", "")),
        (3, ("B2", "", "4,5", "True", "", "", "1")),
    ]
    assert (table.read_as, table_name(path)) == ("JSON Lines", "t")


def test_objects_in_pythons_words_are_read_as_well(tmp_path):
    """As the older files of Steam and Amazon are written."""
    line = "{u'username': u'Chaos Syren', u'hours': 0.1, 'app': True, 'tags': ['a', u'b'], 'title': \"Don't\"}\n"
    table = open_table(written(tmp_path, (line * 2).encode(), "steam.json"))
    assert next(iter(table.rows(("username", "hours", "app", "tags", "title")))) == (
        1, ("Chaos Syren", "0.1", "True", '["a", "b"]', "Don't"),
    )  # fmt: skip


@pytest.mark.parametrize("line", [b"{", b"[1]", b"3", b"\xff", b"[" * 100_000, b"{open()}", b"{1: " * 9000])
def test_a_line_that_is_no_object_is_refused_or_counted(tmp_path, line):
    table = open_table(written(tmp_path, LINES + line + b"\n" + LINES))
    with pytest.raises(DataError, match=r"t\.jsonl line 4: no JSON object; write one object a line"):
        list(table.rows(("asin", "n")))
    met: list[int] = []
    assert len(list(table.rows(("asin", "n"), None, lambda number, _: met.append(number)))) == 4
    assert met == [4]


def test_a_file_without_objects_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no rows; give a file with one JSON object a line"):
        open_table(written(tmp_path, b"\n")).names  # noqa: B018


def test_progress_rises(tmp_path):
    shares: list[float] = []
    table = open_table(written(tmp_path, b'{"a": 1}\n' * 200_000))
    assert sum(1 for _ in table.rows(("a", None), shares.append)) == 200_000
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
