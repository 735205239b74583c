"""Files with anything in them: understood, or refused in one sentence with nothing registered."""

from __future__ import annotations

import gzip
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.errors import DataError
from billp.simulators.data.import_report import Rules
from billp.simulators.data.importers.text_table import TextForm
from billp.simulators.data.registry import add_folder, add_tables, list_datasets, load_dataset
from tests.fakes.worlds import tiny_dataset, write_atomic

LOG = b"".join(
    [b"user_id,item_id,rating,timestamp\n", *(b"u%d,i%d,%d,%d\n" % (n % 4, n % 5, 1 + n % 5, n) for n in range(20))]
)
JSON = b"".join(
    b'{"user_id": "u%d", "item_id": "i%d", "date": "May %d, 2016"}\n' % (n % 4, n % 5, n + 1) for n in range(20)
)
ITEMS = b"item_id,title,genres\n" + b"".join(b"i%d,Title %d,\"['A%d', 'B']\"\n" % (n, n, n) for n in range(5))
FILES = {"l.csv": LOG, "l.dat": LOG.replace(b",", b"::"), "l.jsonl": JSON}
WORDS = [",", ";", "::", "|", "'", '"', "[", "]", "{", "}", "nan", "1e999", "-1", "1_0"]
BYTES = (b"\0", b"\n", b"\r", b"\t", b" ", b"", b"\xff", b"\xe9", b"\x85", b"\x1c", b"\xef\xbb\xbf", b"9" * 400)
ODD = st.sampled_from([*BYTES, *(word.encode() for word in WORDS), "\u202e\u2028".encode()])
WOUNDS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), ODD), max_size=4)


def wounded(content: bytes, wounds: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, put in wounds:
        start = int(place * len(content))
        content = content[:start] + put + content[start + length :]
    return content


RULES = st.builds(Rules, st.just(0), st.just(0), st.booleans(), st.sampled_from([None, 0.3]))
COLUMNS = st.sampled_from([None, ("user", "item", "rating", "time")])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.tuples(WOUNDS, WOUNDS), st.booleans(), RULES, COLUMNS)
def test_tables_are_read_or_refused_in_a_sentence(name, wounds, packed, rules, columns):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        log = folder / (f"{name}.gz" if packed else name)
        content = wounded(FILES[name], wounds[0])
        log.write_bytes(gzip.compress(content) if packed else content)
        (folder / "items.csv").write_bytes(wounded(ITEMS, wounds[1]))
        forms = TextForm(columns=columns), TextForm()
        try:
            added = add_tables(folder, log, folder / "items.csv", "x", rules=rules, forms=forms)
        except DataError as error:
            refused(folder, error)
        else:
            assert load_dataset(folder, "x").fingerprint == added.fingerprint


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([".inter", ".item"]), WOUNDS)
def test_folders_are_read_or_refused_in_a_sentence(suffix, wounds):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_atomic(folder / "in", tiny_dataset(users=6, items=8))
        file = folder / "in" / f"tiny{suffix}"
        file.write_bytes(wounded(file.read_bytes(), wounds))
        try:
            added = add_folder(folder, folder / "in")
        except DataError as error:
            refused(folder, error)
        else:
            assert load_dataset(folder, "tiny").fingerprint == added.fingerprint


def refused(folder: Path, error: DataError) -> None:
    """One line that says what to do, and nothing was registered."""
    assert "\n" not in str(error)
    assert ";" in str(error), "no remedy"
    assert list_datasets(folder) == []


@pytest.mark.parametrize("name", ["l.csv.gz", "l.jsonl.gz"])
@pytest.mark.parametrize("encoding", [None, "latin-1"])
def test_a_line_that_could_fill_the_memory_is_refused_before_it_does(tmp_path: Path, name: str, encoding: str | None):
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
        file.write(LOG if "csv" in name else JSON)
        for _ in range(256):
            file.write(b"a" * 2**20)
    (tmp_path / "items.csv").write_bytes(ITEMS)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"line 2[12]: longer than 16 MB"):
        add_tables(tmp_path, tmp_path / name, tmp_path / "items.csv", "x", forms=(TextForm(encoding=encoding),) * 2)
    assert tracemalloc.get_traced_memory()[1] < 2**27
    tracemalloc.stop()
    assert list_datasets(tmp_path) == []
