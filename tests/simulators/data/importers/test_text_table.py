"""Tables as people bring them, whole, broken and cut short."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from billp.errors import DataError
from billp.simulators.data.importers.opening import open_table
from billp.simulators.data.importers.text_table import TextForm, TextTable

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
        (GOOD.encode() + "u3,i3,Café\n".encode() + b"u4,i4,Caf\xe9\n", "t.csv line 5: not UTF-8 text, as other lines"),
        (b"PK\x03\x04" + GOOD.encode(), "t.csv is a zip archive or an Excel file, not text; write it as CSV"),
        (GOOD.encode() + b"\0\1\2\3", "t.csv is not text; write it as CSV"),
        (b"user,item,user\na,b,c\n", "t.csv: the column 'user' appears twice"),
    ],
)
def test_a_broken_csv_is_refused_by_line(tmp_path, content, says):
    with pytest.raises(DataError) as caught:
        rows(written(tmp_path, content), "user", "item")
    assert str(caught.value).startswith(says)
    assert ";" in str(caught.value), "no remedy"


def test_a_broken_byte_far_into_a_large_file_is_found(tmp_path):
    path = written(tmp_path, "usér,item\n".encode() + b"u,i\n" * 100_000 + b"\xff,i\n" + b"u,i\n" * 100_000)
    with pytest.raises(DataError, match="line 100002: not UTF-8"):
        rows(path, "usér", "item")


def test_a_file_that_is_not_there_is_called_missing(tmp_path):
    for name in ("none.csv", "none.parquet", "none.jsonl.gz"):
        with pytest.raises(DataError, match=rf"{name} does not exist; check the folder and the name"):
            rows(tmp_path / name, "a", "b")
    with pytest.raises(DataError, match="is no file; give one that holds a table"):
        rows(tmp_path, "a", "b")


@pytest.mark.parametrize(
    ("name", "separator", "words"),
    [
        ("t.csv", ",", ""),
        ("t.csv", ";", "separated by semicolon"),
        ("t.tsv", "\t", ""),
        ("t.txt", "\t", "separated by tab"),
        ("t.dat", "::", "separated by ::"),
        ("u.item", "|", "separated by bar"),
        ("t.tsv", ",", "separated by comma"),
    ],
)
def test_the_separator_is_told_from_the_first_rows(tmp_path, name, separator, words):
    lines = ["id,title,genres", "1,Heat (1995),Crime", "2,A B,Drama"]
    path = written(tmp_path, "".join(f"{line}\n".replace(",", separator) for line in lines), name)
    assert [row for _, row in rows(path, "title", "id")] == [("Heat (1995)", "1"), ("A B", "2")]
    assert open_table(path).read_as == words


@pytest.mark.parametrize(
    ("line", "separator"), [("sep=;", ";"), ('"sep=;"', ";"), ("SEP=\t", "\t"), ("\ufeffsep=,", ","), ("sep=|", "|")]
)
def test_a_first_line_of_excels_names_the_separator_and_is_no_header(tmp_path, line, separator):
    table = (
        f"{line}\r\nid,title\r\n1,Heat\r\n".replace(",", separator)
        if separator != ","
        else f"{line}\nid,title\n1,Heat\n"
    )
    path = written(tmp_path, table)
    assert rows(path, "title", "id") == [(3, ("Heat", "1"))]
    assert TextTable(path).separator == separator
    broken = written(tmp_path, f"{table}2\n")
    with pytest.raises(DataError, match="line 4: 1 cells where line 2 names 2 columns"):
        rows(broken, "title", "id")
    assert open_table(written(tmp_path, "sep=x\n1\n")).names == ("sep=x",)


def test_commas_and_bars_within_cells_do_not_mislead(tmp_path):
    path = written(tmp_path, "1::Heat, The (1995)::Action|Crime\n2::Odd, Even::Drama\n", "movies.dat")
    table = open_table(path, TextForm(columns=("item", "title", "genres")))
    assert [row for _, row in table.rows(("title", "genres"))] == [
        ("Heat, The (1995)", "Action|Crime"),
        ("Odd, Even", "Drama"),
    ]


def test_a_separator_that_is_given_stands(tmp_path):
    path = written(tmp_path, "id,x;title\n1,2;A\n", "t.csv")
    assert open_table(path, TextForm(separator="semicolon")).names == ("id,x", "title")
    assert open_table(path, TextForm(separator=";")).names == ("id,x", "title")
    for nothing in ("", '"', "\n"):
        with pytest.raises(DataError, match="cannot separate cells; give --separator comma, tab, :: or another"):
            open_table(path, TextForm(separator=nothing)).names  # noqa: B018
    spaced = written(tmp_path, "id  title\n1   A\n", "s.txt")
    assert list(open_table(spaced, TextForm(separator="space")).rows(("title", "id"))) == [(2, ("A", "1"))]


@pytest.mark.parametrize(
    ("encoding", "title", "words"),
    [
        ("latin-1", "Café", "in cp1252 (Windows, Western European; if letters look wrong, give --encoding)"),
        ("cp1252", "“Café”", "in cp1252 (Windows, Western European; if letters look wrong, give --encoding)"),
        ("utf-8", "Café", ""),
        ("utf-16", "Café", "in utf-16 (; if letters look wrong, give --encoding)"),
    ],
)
def test_the_encoding_is_told_and_said(tmp_path, encoding, title, words):
    path = written(tmp_path, f"id,title\n1,{title}\n2,Plain\n".encode(encoding))
    assert rows(path, "title", "id")[0] == (2, (title, "1"))
    assert open_table(path).read_as == words.replace("(; ", "(")


def test_an_encoding_that_is_given_stands_and_an_unknown_one_is_refused(tmp_path):
    path = written(tmp_path, "id,title\n1,Брат\n".encode("cp1251"))
    table = open_table(path, TextForm(encoding="windows-1251"))
    assert list(table.rows(("title", "id"))) == [(2, ("Брат", "1"))]
    assert table.read_as == "in cp1251"
    with pytest.raises(DataError, match="No encoding is called 'klingon'; give --encoding"):
        list(open_table(path, TextForm(encoding="klingon")).rows(("title", "id")))
    with pytest.raises(DataError, match=r"t\.csv from line 1 on: not text in ascii; give another --encoding"):
        list(open_table(path, TextForm(encoding="ascii")).rows(("title", "id")))


def test_packed_files_are_unpacked_and_half_of_one_is_refused(tmp_path):
    packed = gzip.compress("".join(["user,item\n", *(f"u{n},i{n}\n" for n in range(9999))]).encode())
    path = written(tmp_path, packed, "t.csv.gz")
    assert len(rows(path, "user", "item")) == 9999
    assert rows(written(tmp_path, gzip.compress(b'{"a": 1}\n'), "t.json.gz"), "a", None) == [(1, ("1", ""))]
    for half in (packed[: len(packed) // 2], b"no gzip at all"):
        with pytest.raises(DataError, match=r"half\.csv\.gz is no whole gzip file \(.*\); fetch it again"):
            rows(written(tmp_path, half, "half.csv.gz"), "user", "item")


def test_columns_of_a_file_without_a_header_are_named(tmp_path):
    path = written(tmp_path, "1|Heat|x|Crime|9\n2|Odd|y|Drama|9\n", "u.item")
    table = open_table(path, TextForm(columns=("item", "title", "-", "categories")))
    assert table.names == ("item", "title", "", "categories", "")
    assert list(table.rows(("categories", "item"))) == [(1, ("Crime", "1")), (2, ("Drama", "2"))]
    assert table.read_as == "separated by bar, without a header"
    with pytest.raises(DataError, match=r"u\.item line 1: 5 cells where 6 columns are named; name fewer"):
        open_table(path, TextForm(columns=tuple("abcdef"))).names  # noqa: B018


def test_rows_that_cannot_be_read_go_where_they_are_asked_for(tmp_path):
    path = written(tmp_path, GOOD + "u3\nu4,i4,x\n")
    met: list[tuple[int, str]] = []
    table = open_table(path)
    assert [number for number, _ in table.rows(("user", "item"), None, lambda *row: met.append(row))] == [2, 3, 5]
    assert met == [(4, "1 cells where line 1 names 3 columns; mend or remove the line.")]


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
        (1, ("1", "4.5", "", '["Film Noir", "Drama"]', berlin)),
        (2, ("2", "", "", "[]", "")),
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
