"""What a model says of items: a file that only grows, read again as it stood."""

from __future__ import annotations

import os
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from billp.catalogue import Catalogue, Item
from billp.errors import ArtifactError
from billp.memory import Answers, Knowledge, KnowledgeFile

CATALOGUE = Catalogue("toy", tuple(Item(i, f"k{i}", f"Film {i}", ("Drama",), 1990 + i) for i in range(6)))
TEXTS = [item.text for item in CATALOGUE]


def file_in(folder: Path, model: str = "model.gguf", digest: str = "d", question: str = "q") -> KnowledgeFile:
    return KnowledgeFile.of(folder, model, digest, question)


def add_many(path: Path, first: int) -> None:
    for number in range(first, first + 50):
        KnowledgeFile(path).add(f"item {number}", float(number))


def test_a_model_a_file_and_a_question_have_a_file_of_their_own(tmp_path: Path):
    same = file_in(tmp_path)
    others = [file_in(tmp_path, digest="e"), file_in(tmp_path, question="r"), file_in(tmp_path, digest="", model="m")]
    assert len({file.path for file in [same, *others]}) == 4
    assert file_in(tmp_path / "elsewhere", "model.gguf").path.name == same.path.name
    assert file_in(tmp_path, "/home/me/model.gguf").path == same.path  # wherever the model's file lies


def test_what_was_answered_is_read_again_and_the_first_answer_counts(tmp_path: Path):
    file = file_in(tmp_path)
    assert file.read().of(CATALOGUE).asked == 0
    for text, said in [(TEXTS[1], 2.5), (TEXTS[3], -1.0), (TEXTS[1], 9.0), (TEXTS[4], None), ("another's item", 1.0)]:
        file.add(text, said)
    known = file.read().of(CATALOGUE)
    assert known.asked == 2
    assert known.answers == 5
    assert np.array_equal(known.log_odds, [np.nan, 2.5, np.nan, -1.0, np.nan, np.nan], equal_nan=True)


def test_a_run_goes_on_with_what_it_began_with(tmp_path: Path):
    file = file_in(tmp_path)
    for number in range(4):
        file.add(TEXTS[number], float(number))
        if number == 1:
            began = file.read().of(CATALOGUE)
    again = file.read().first(began.answers).of(CATALOGUE)
    assert again.digest == began.digest
    assert np.array_equal(again.log_odds, began.log_odds, equal_nan=True)
    assert file.read().of(CATALOGUE).digest != began.digest
    with pytest.raises(ArtifactError, match="4 answers, the run began with 5"):
        file.read().first(5)


def test_what_a_kill_cut_off_is_no_answer_and_spoils_none(tmp_path: Path):
    file = file_in(tmp_path)
    file.add(TEXTS[0], 1.0)
    with file.path.open("ab") as torn:
        torn.write(b'{"item":"Fi')
    assert file.read().of(CATALOGUE).answers == 1
    file.add(TEXTS[1], 2.0)
    assert file.read().of(CATALOGUE).log_odds[:2].tolist() == [1.0, 2.0]


def test_a_damaged_line_is_refused_by_its_number(tmp_path: Path):
    file = file_in(tmp_path)
    file.add(TEXTS[0], 1.0)
    with file.path.open("ab") as damaged:
        damaged.write(b"nonsense\n")
    with pytest.raises(ArtifactError, match="line 2"):
        file.read().of(CATALOGUE)


def test_a_pipe_in_its_place_is_refused_and_not_waited_for(tmp_path: Path):
    file = file_in(tmp_path)
    file.path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(file.path)
    with pytest.raises(ArtifactError, match="no plain file"):
        file.read()


def test_two_processes_add_to_one_file(tmp_path: Path):
    path, spawn = file_in(tmp_path).path, get_context("spawn")
    others = [spawn.Process(target=add_many, args=(path, first)) for first in (0, 1000)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(KnowledgeFile(path).read().by_item()) == 100


def test_only_the_order_of_answers_counts():
    def column(*said: float) -> np.ndarray:
        found = Knowledge("n", 0, "", np.array(said)).column
        assert found is not None
        return found[:, 0]

    usual, wild = column(-1.0, np.nan, 0.0, 1.0, 1.0), column(-1.0, np.nan, 0.5, 900.0, 900.0)
    assert np.array_equal(usual, wild, equal_nan=True)
    assert np.isnan(usual[1])
    assert usual[0] < usual[2] < usual[3] == usual[4] < 2
    assert Knowledge("n", 0, "", np.array([np.nan, 1.0, 1.0])).column is None  # all alike: nothing is said
    assert Knowledge.nothing(3).column is None


def test_answers_pass_through_a_text_unchanged(tmp_path: Path):
    file = file_in(tmp_path)
    file.add("Amélie [a; b]\u2028", 0.1)
    said = file.read()
    assert Answers.in_text(said.name, said.text) == said
    assert "Amélie [a; b]\u2028" in said.by_item()
