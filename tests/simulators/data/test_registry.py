"""Registering datasets: whole or not at all, and read back only as they were added."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from billp import whole_files
from billp.errors import BadInputError, DataError
from billp.simulators.data.import_report import ColumnSpec
from billp.simulators.data.registry import RECORD, add_folder, dataset_folder, list_datasets, load_dataset
from billp.whole_files import replaced_folder
from tests.fakes.worlds import tiny_dataset, write_atomic


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_atomic(tmp_path / "source", tiny_dataset())
    return tmp_path / "source"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_added_is_listed_and_loaded(tmp_path, source):
    assert list_datasets(tmp_path) == []
    added = add_folder(tmp_path, source)
    renamed = add_folder(tmp_path, source, "other")
    assert list_datasets(tmp_path) == ["other", "tiny"]
    loaded = load_dataset(tmp_path, "tiny")
    assert loaded.catalogue == added.catalogue == tiny_dataset().catalogue
    assert np.array_equal(loaded.ratings, added.ratings)
    assert (loaded.fingerprint, loaded.mapping) == (added.fingerprint, added.mapping)
    assert (renamed.name, renamed.catalogue.name, load_dataset(tmp_path, "other").name) == ("other",) * 3
    assert sorted(path.name for path in dataset_folder(tmp_path, "other").iterdir()) == [
        RECORD,
        "other.inter",
        "other.item",
    ]


def test_a_mapping_given_is_kept(tmp_path, source):
    add_folder(tmp_path, source, "plain", columns=ColumnSpec(categories="release_year"))
    assert load_dataset(tmp_path, "plain").catalogue.categories[0].isdigit()


def test_a_faulty_folder_leaves_what_is_registered_untouched(tmp_path, source):
    add_folder(tmp_path, source)
    before = contents(tmp_path / "datasets")
    with (source / "tiny.inter").open("a") as file:
        file.write("u1\tnowhere\t5\t1\n")
    with pytest.raises(DataError, match=r"tiny\.inter line 1202: item 'nowhere'"):
        add_folder(tmp_path, source)
    assert contents(tmp_path / "datasets") == before


def test_adding_again_replaces_the_dataset(tmp_path, source):
    first = add_folder(tmp_path, source)
    write_atomic(source, tiny_dataset(seed=1))
    add_folder(tmp_path, source)
    assert load_dataset(tmp_path, "tiny").fingerprint != first.fingerprint
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["tiny"], "nothing is left beside it"


@pytest.mark.parametrize("name", ["../up", ".hidden", "a/b", "", "x" * 80])
def test_refuses_a_name_that_is_no_folder_name(tmp_path, source, name):
    with pytest.raises(DataError, match="is not usable"):
        load_dataset(tmp_path, name)
    if name:
        with pytest.raises(DataError, match="is not usable"):
            add_folder(tmp_path, source, name)


def test_a_separator_named_in_words_separates_the_categories_of_a_folder(tmp_path, source):
    items = source / "tiny.item"
    header, *rows = items.read_text().splitlines()
    place = [name.partition(":")[0] for name in header.split("\t")].index("class")
    cells = [row.split("\t") for row in rows]
    spaced = [row[place] for row in cells]
    for row in cells:
        row[place] = row[place].replace(" ", ",")
    items.write_text("\n".join(["\t".join(row) for row in [header.split("\t"), *cells]]) + "\n")
    columns = ColumnSpec(categories="class", title="movie_title", category_separator="comma")
    assert [list(item.categories) for item in add_folder(tmp_path, source, columns=columns).catalogue] == [
        text.split() for text in spaced
    ]


@pytest.mark.parametrize(
    "write", [lambda names: repr(names)[1:-1], repr, json.dumps], ids=["recbole", "pandas", "json"]
)
def test_categories_of_a_folder_that_are_written_as_lists_are_read_as_lists(tmp_path, source, write):
    items = source / "tiny.item"
    header, *rows = items.read_text().splitlines()
    place = [name.partition(":")[0] for name in header.split("\t")].index("class")
    cells = [row.split("\t") for row in rows]
    for row in cells:
        row[place] = write([f"{name} Films" for name in row[place].split()])
    items.write_text("\n".join(["\t".join(row) for row in [header.split("\t"), *cells]]) + "\n")
    added = add_folder(tmp_path, source)
    assert [item.categories for item in added.catalogue] == [
        tuple(f"{name} Films" for name in item.categories) for item in tiny_dataset().catalogue
    ]


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path, source):
    with pytest.raises(DataError, match="There is no dataset 'films'; there are none yet: add it"):
        load_dataset(tmp_path, "films")
    add_folder(tmp_path, source)
    with pytest.raises(DataError, match=r"There is no dataset .films.; choose one of tiny, or add it with"):
        load_dataset(tmp_path, "films")


def test_refuses_files_that_changed_since(tmp_path, source):
    add_folder(tmp_path, source)
    path = dataset_folder(tmp_path, "tiny") / "tiny.item"
    path.write_text(path.read_text().replace("Film 1,", "Film one,"))
    with pytest.raises(DataError, match=r"tiny\.item is missing or has changed since"):
        load_dataset(tmp_path, "tiny")


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', "\xff"])
def test_refuses_a_damaged_record(tmp_path, source, text):
    add_folder(tmp_path, source)
    (dataset_folder(tmp_path, "tiny") / RECORD).write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"damaged or of another version; add dataset tiny again"):
        load_dataset(tmp_path, "tiny")


def test_refuses_a_folder_without_or_with_too_many_logs(tmp_path, source):
    with pytest.raises(DataError, match=r"nowhere does not exist; check the folder and the name"):
        add_folder(tmp_path, tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no file named \*\.inter"):
        add_folder(tmp_path, tmp_path)
    (source / "second.inter").write_text("")
    with pytest.raises(DataError, match=r"holds 2 files named \*\.inter"):
        add_folder(tmp_path, source)
    assert add_folder(tmp_path, source, "tiny").name == "tiny", "the name says which one to take"
    (source / "tiny.item").unlink()
    with pytest.raises(DataError, match=r"tiny\.item is missing"):
        add_folder(tmp_path, source, "tiny")


def test_a_folder_is_replaced_only_when_the_block_succeeds(tmp_path):
    target = tmp_path / "target"
    with replaced_folder(target) as new:
        (new / "a").write_text("1")

    def fail() -> None:
        with replaced_folder(target) as new:
            (new / "b").write_text("2")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert contents(tmp_path) == {"target/a": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


KILLED = """
import os, signal, sys
from pathlib import Path
from billp import whole_files
from billp.whole_files import replaced_folder
rename = Path.rename
def refused(*_):
    raise OSError
whole_files._exchange = refused
def killed(self, to):
    rename(self, to)
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "between":
    Path.rename = killed
with replaced_folder(Path(sys.argv[1])) as new:
    (new / "a").write_text("2")
    if sys.argv[2] == "within":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["within", "between"])
def test_what_a_killed_process_left_is_cleared_away_and_nothing_is_lost(tmp_path, when):
    target = tmp_path / "target"
    with replaced_folder(target) as new:
        (new / "a").write_text("1")
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", KILLED, str(target), when]
    assert subprocess.run(command, cwd=root, check=False).returncode == -9  # noqa: S603 -- our own words
    assert len(list(tmp_path.iterdir())) == (2 if when == "within" else 1)
    with replaced_folder(tmp_path / "other") as new, replaced_folder(tmp_path / "third") as beside:
        (new / "b").write_text("3")
        (beside / "c").write_text("4")
    assert contents(tmp_path) == {"target/a": b"1", "other/b": b"3", "third/c": b"4"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "target", "third"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=r"cannot be written"), replaced_folder(tmp_path / "file" / "x"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take two steps")
def test_there_is_no_instant_without_the_folder(tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.mkdir()
    monkeypatch.delattr(Path, "rename")
    with replaced_folder(target) as new:
        (new / "a").write_text("1")
    assert contents(tmp_path) == {"target/a": b"1"}


def test_a_full_disk_leaves_the_old_folder(tmp_path, monkeypatch):
    target = tmp_path / "target"
    with replaced_folder(target) as new:
        (new / "a").write_text("1")
    rename = Path.rename

    def failing(self, to):
        """Of two ways to replace a folder; the second takes two steps."""
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    monkeypatch.setattr(whole_files, "_exchange", failing)
    with pytest.raises(BadInputError, match="No space left"), replaced_folder(target) as new:
        (new / "b").write_text("2")
    assert contents(tmp_path) == {"target/a": b"1"}
