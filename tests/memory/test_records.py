"""Records and their typed views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from billp.errors import MemoryStoreError
from billp.memory import ActorExperience, CriticExperience, Origin, Outcome, Record, as_vector
from billp.memory.records import Learned
from tests.memory import examples


@settings(deadline=None, max_examples=100)
@given(examples.reflections | examples.actors | examples.critics)
def test_what_was_learned_survives_the_way_through_a_record(learned: Learned) -> None:
    assert type(learned).from_record(learned.to_record()) == learned


def test_ids_name_kind_run_episode_and_step() -> None:
    assert examples.actor(3, step=12).to_record().id == "actor/run/3/0012"
    assert examples.reflection(3).to_record().id == "reflections/run/0003/-001"


def test_a_slash_in_a_name_does_not_make_two_origins_meet() -> None:
    one, other = Origin("a/b", "c", "u", 0, 0), Origin("a", "b/c", "u", 0, 0)
    assert one.id("actor") != other.id("actor")


def test_ids_sort_by_step() -> None:
    ids = [examples.origin(step=step).id("critic") for step in (2, 10, 100)]
    assert ids == sorted(ids)


def test_a_record_of_one_kind_is_not_read_as_another() -> None:
    with pytest.raises(MemoryStoreError, match="not of kind 'critic'"):
        CriticExperience.from_record(examples.actor(1).to_record())


@pytest.mark.parametrize("fields", [{}, {"value": "4"}, {"value": True}])
def test_a_missing_or_mistyped_field_is_refused(fields: dict[str, str | bool]) -> None:
    good = examples.critic(1).to_record()
    with pytest.raises(MemoryStoreError, match="no float 'value'"):
        CriticExperience.from_record(Record(good.id, good.text, good.vector, fields, good.origin))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, -(2**63) - 1])
def test_a_number_the_store_would_change_is_refused(value: float) -> None:
    with pytest.raises(MemoryStoreError, match="'x'"):
        examples.record("a", x=value)


@pytest.mark.parametrize("values", [[[1.0]], 1.0, [float("nan")], [float("inf")]])
def test_only_a_row_of_finite_numbers_is_a_vector(values: list[float]) -> None:
    with pytest.raises(MemoryStoreError, match="finite"):
        as_vector(values)


def test_a_record_does_not_change_with_the_array_it_was_made_from() -> None:
    vector = np.ones(4, dtype=np.float32)
    made = examples.record("a", vector)
    vector[0] = 5
    assert made.vector.tolist() == [1, 1, 1, 1]
    assert not made.vector.flags.writeable


def test_equality_looks_at_every_field() -> None:
    one = examples.record("a", examples.unit(1), n=1)
    assert one == examples.record("a", examples.unit(1), n=1)
    assert one != examples.record("a", examples.unit(2), n=1)
    assert one != examples.record("a", examples.unit(1), n=2)
    assert one != "a"


def test_records_of_earlier_versions_lack_later_fields() -> None:
    whole = examples.actor(1).to_record()
    assert {"before", "left"} < whole.fields.keys()
    older = {name: value for name, value in whole.fields.items() if name not in ("before", "left")}
    read = ActorExperience.from_record(replace(whole, fields=older))
    assert (read.before, read.left) == ((), None)
    assert read.outcome == Outcome.of(whole.id, older)
    assert set(read.to_record().fields) == {*older, "before"}
    assert "claim" not in examples.reflection(1).to_record().fields
