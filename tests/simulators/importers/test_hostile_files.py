"""Files with anything in them: understood, or refused in one sentence with nothing registered."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from billp.errors import DataError
from billp.simulators.importers.text_table import TextForm
from billp.simulators.intake import Rules
from billp.simulators.library import add_folder, add_tables, list_datasets, load_dataset
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
