"""Tables as people bring them, whole, broken and cut short."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from errors import DataError
from simulators.tables import open_table

GOOD = "user,item,title\nu1,i1,Star Wars\nu2,i2,Other\n"


def rows(path: Path, *columns: str | None):
    return list(open_table(path).rows(columns))


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_with_and_without_a_mark_and_with_either_line_end(tmp_path, start, end):
    path = written(tmp_path, start + GOOD.replace("\n", end).encode())
    assert open_table(path).names == ("user", "item", "title")
    assert rows(path, "title", None, "user") == [(2, ("Star Wars", "", "u1")), (3, ("Other", "", "u2"))]


def test_quoted_cells_hold_commas_quotes_and_line_breaks_and_blank_lines_are_passed_over(tmp_path):
    path = written(tmp_path, 'user,item,title\nu1,i1,"One,\n""two"""\n\nu2,i2,x\n')
    assert rows(path, "user", "title") == [(2, ("u1", 'One,\n"two"')), (5, ("u2", "x"))]


def test_tabs_separate_a_tsv(tmp_path):
    assert rows(written(tmp_path, GOOD.replace(",", "\t"), "t.TSV"), "item", "user")[0] == (2, ("i1", "u1"))


def test_a_column_without_a_name_is_no_hindrance(tmp_path):
    assert rows(written(tmp_path, ",user,\n0,u1,x\n"), "user", None) == [(2, ("u1", ""))]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "t.csv line 1: the file is empty"),
        (b"\n\n", "t.csv line 1: the file is empty"),
        (b"user,item,title\n", "t.csv line 1: no rows follow the header"),
        (GOOD.encode()[:-1], "t.csv line 3: the last line has no line break, so the file may be cut short"),
        (GOOD.encode() + b"u3,i", "t.csv line 4: the last line has no line break, so the file may be cut short"),
        (GOOD.encode() + b"u3,i3\n", "t.csv line 4: 2 cells where line 1 names 3 columns"),
        (GOOD.encode() + b"u3,i3,x,y\n", "t.csv line 4: 4 cells where line 1 names 3 columns"),
        (GOOD.encode() + b'u3,i3,"open\nu4,i4,x\n', "t.csv line 4: unexpected end of data; close the quotes"),
        (GOOD.encode() + b"u3,i3,Caf\xe9\n", "t.csv line 4: not UTF-8 text; convert"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), "t.csv line 1: not UTF-8 text; convert"),
        (b"user,item,user\na,b,c\n", "t.csv: the column 'user' appears twice"),
    ],
)
def test_a_broken_csv_is_refused_by_line(tmp_path, content, says):
    with pytest.raises(DataError) as caught:
        rows(written(tmp_path, content), "user", "item")
    assert str(caught.value).startswith(says)
    assert ";" in str(caught.value), "no remedy"


def test_a_broken_byte_far_into_a_large_file_is_found(tmp_path):
    path = written(tmp_path, b"user,item\n" + b"u,i\n" * 100_000 + b"\xff,i\n" + b"u,i\n" * 100_000)
    with pytest.raises(DataError, match="line 100002: not UTF-8"):
        rows(path, "user", "item")


def test_missing_packed_and_unknown_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be opened \(No such file"):
        rows(tmp_path / "none.csv", "a", "b")
    with pytest.raises(DataError, match=r"none\.parquet cannot be opened"):
        rows(tmp_path / "none.parquet", "a", "b")
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(GOOD.encode()))
    with pytest.raises(DataError, match=r"is no \.csv, \.tsv or \.parquet file; convert it, or unpack it"):
        open_table(packed)


def put(path: Path, **columns: pa.Array) -> Path:
    parquet.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_parquet_is_read_as_text(tmp_path):
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    path = put(
        tmp_path / "t.parquet",
        user=pa.array([1, 2, 3]),
        rating=pa.array([4.5, None, float("nan")]),
        genres=pa.array([["Film Noir", "Drama"], [], None]),
        when=pa.array([moment, None, moment], pa.timestamp("ns", tz="Europe/Berlin")),
        day=pa.array([moment.date()] * 3, pa.date32()),
    )
    assert open_table(path).names == ("user", "rating", "genres", "when", "day")
    berlin = "2026-01-31T13:00:00+01:00"
    assert rows(path, "user", "rating", None, "genres", "when") == [
        (1, ("1", "4.5", "", "Film Noir|Drama", berlin)),
        (2, ("2", "", "", "", "")),
        (3, ("3", "nan", "", "", berlin)),
    ]
    assert rows(path, "day", "user")[0] == (1, ("2026-01-31T00:00:00", "1"))


def test_a_time_that_no_date_can_have_is_read_as_seconds(tmp_path):
    path = put(tmp_path / "t.parquet", user=pa.array([1, 2]), when=pa.array([1_500_000_000_000, 1], pa.timestamp("s")))
    assert rows(path, "user", "when") == [(1, ("1", "1500000000000.0")), (2, ("2", "1.0"))]


@pytest.mark.parametrize("harm", ["half", "empty", "text", "middle"])
def test_a_parquet_file_cut_short_is_refused(tmp_path, harm):
    path = put(tmp_path / "t.parquet", user=pa.array([f"u{n}" for n in range(999)]), item=pa.array(range(999)))
    whole = path.read_bytes()
    path.write_bytes(
        {
            "half": whole[: len(whole) // 2],
            "empty": b"",
            "text": GOOD.encode(),
            "middle": whole[:100] + b"\xff" * 2000 + whole[2100:],
        }[harm]
    )
    with pytest.raises(DataError, match=r"t\.parquet is no whole Parquet file \(.*\); write or fetch it again"):
        rows(path, "user", "item")


def test_a_parquet_file_without_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no rows"):
        rows(put(tmp_path / "t.parquet", user=pa.array([], pa.string())), "user", None)
