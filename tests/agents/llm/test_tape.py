"""The tape: what was answered once is answered again, and nothing else is."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request, ask, parameters
from billp.agents.llm.reading import Reply
from billp.agents.llm.tape import Entry, Tape
from billp.agents.llm.taped_chat import TapedChat, call_key
from billp.agents.llm.usage import Usage
from billp.errors import ContextOverflowError, ModelUnavailableError, NotOnTapeError, ServerAwayError, TapeError
from tests.fakes.model import FakeChat, QueueModel

REQUEST = Request("planner", "fixed", "changing", 0.5, 8, seed=7)
OTHER = Request(
    "actor", "other", "words", 0.9, 9, seed=8, choices=("A",), scores=True, schema={"type": "object"}, top_p=0.9
)
USAGE = Usage(calls=1, prompt_tokens=10, cached_tokens=3, completion_tokens=2, seconds=0.123456789)


@contextmanager
def opened(path: Path, *, replay: bool = False) -> Iterator[Tape]:
    tape = Tape(path, replay=replay)
    try:
        yield tape
    finally:
        tape.close()


def recording(tape: Tape, *replies: str | Reply | Exception) -> tuple[TapedChat, QueueModel]:
    """A model that records, and the one behind it, which answers each of these once and then no more."""
    behind = QueueModel(replies)
    return TapedChat(tape=tape, inner=behind, model="small", sha256="0123"), behind


def key(model: str, sha256: str, request: Request, **extra: object) -> str:
    """What `request` is known by on a tape."""
    messages = [SystemMessage(request.system), HumanMessage(request.user)]
    return call_key(model, sha256, messages, {**parameters(request, Abilities()), "extra_body": extra})


async def replayed(path: Path, request: Request) -> Reply:
    with opened(path, replay=True) as tape:
        return await ask(TapedChat(tape=tape, model="small", sha256="0123"), request)


async def test_a_recorded_call_is_answered_again_without_a_model(tmp_path: Path):
    said = Reply("Try a \u201cwestern\u201d \U0001f3ac", {" 7": -0.1, "7": -2.5, "x": -99.0}, USAGE)
    with opened(tmp_path / "new" / "tape.sqlite") as tape:
        model, behind = recording(tape, said)
        assert await ask(model, REQUEST) == said
        assert behind.requests == [REQUEST]
    again = await replayed(tmp_path / "new" / "tape.sqlite", REQUEST)
    assert again == said
    assert list(again.first_token) == list(said.first_token), "sums over it come out the same"


@profile(deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    first_token=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False)),
    seconds=st.floats(min_value=0, allow_infinity=False),
)
def test_an_entry_comes_back_to_the_last_bit(text: str, first_token: dict[str, float], seconds: float):
    entry = Entry(text=text, first_token=first_token, usage=replace(USAGE, seconds=seconds))
    assert Entry.model_validate_json(entry.model_dump_json()) == entry


async def test_asking_the_same_again_while_recording_gives_what_was_recorded_first(tmp_path: Path):
    with opened(tmp_path / "tape") as tape:
        model, behind = recording(tape, "one", "two")
        assert (await ask(model, REQUEST)).text == "one"
        assert (await ask(model, REQUEST)).text == "one"
        assert (await ask(model, replace(REQUEST, seed=8))).text == "two"
        assert len(behind.requests) == 2
    with opened(tmp_path / "tape") as tape:
        model, behind = recording(tape)
        assert (await ask(model, REQUEST)).text == "one", "nor does it matter that the run was resumed"


async def test_two_that_ask_the_same_at_once_hear_the_same(tmp_path: Path):
    both = asyncio.Barrier(2)

    replies = ["one", "two"]

    class Slow(FakeChat):
        async def answer(self, request: Request) -> Reply:
            await both.wait()
            return Reply(replies.pop(0))

    with opened(tmp_path / "tape") as tape:
        model = TapedChat(tape=tape, inner=Slow(), model="small")
        first, second = await asyncio.gather(ask(model, REQUEST), ask(model, REQUEST))
    assert first == second


async def test_a_call_that_is_not_on_the_tape_fails_by_name(tmp_path: Path):
    with opened(tmp_path / "tape") as tape:
        await ask(recording(tape, "one")[0], REQUEST)
    with pytest.raises(NotOnTapeError, match=r"This planner call is not on the tape .*tape: .*record again"):
        await replayed(tmp_path / "tape", replace(REQUEST, user="changed"))


@pytest.mark.parametrize("name", [field.name for field in fields(Request)])
def test_a_call_is_known_by_everything_that_shapes_its_reply(name: str):
    changed = replace(REQUEST, **{name: getattr(OTHER, name)})
    assert (key("m", "d", changed) == key("m", "d", REQUEST)) == (name == "role")


def test_a_call_is_known_by_its_model():
    assert len({key("m", "d", REQUEST), key("n", "d", REQUEST), key("m", "e", REQUEST)}) == 3
    assert key("m", "d", REQUEST, top_k=1) != key("m", "d", REQUEST), "and by what is sent with every call"


def test_calls_are_found_on_tapes_of_earlier_versions():
    for request in (REQUEST, replace(OTHER, schema=None, top_p=1.0)):
        asked = {"model": "m", "model_sha256": "d", **asdict(request)}
        del asked["role"], asked["schema"], asked["top_p"]  # what no call had then
        once = hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        assert key("m", "d", request) == once


async def test_a_failure_is_repeated_in_replay_and_asked_again_when_recording(tmp_path: Path):
    down = ModelUnavailableError("The server did not answer.")
    with opened(tmp_path / "tape") as tape:
        model, _ = recording(tape, down, down)
        for _ in range(2):
            with pytest.raises(ModelUnavailableError, match="did not answer"):
                await ask(model, REQUEST)
    with pytest.raises(ModelUnavailableError, match=r"^The server did not answer\.$"):
        await replayed(tmp_path / "tape", REQUEST)
    with opened(tmp_path / "tape") as tape:
        model, _ = recording(tape, "up again")
        assert (await ask(model, REQUEST)).text == "up again"
    assert (await replayed(tmp_path / "tape", REQUEST)).text == "up again"


async def test_a_prompt_that_was_too_long_is_too_long_in_replay(tmp_path: Path):
    with opened(tmp_path / "tape") as tape:
        model, _ = recording(tape, ContextOverflowError("The prompt is longer than the context."))
        with pytest.raises(ContextOverflowError):
            await ask(model, REQUEST)
    with pytest.raises(ContextOverflowError, match="longer than the context"):  # so that it is cut there as well
        await replayed(tmp_path / "tape", REQUEST)


async def test_a_server_that_went_away_leaves_nothing(tmp_path: Path):
    with opened(tmp_path / "tape") as tape:
        model, _ = recording(tape, ServerAwayError("away"))
        with pytest.raises(ServerAwayError):
            await ask(model, REQUEST)
    with pytest.raises(NotOnTapeError):
        await replayed(tmp_path / "tape", REQUEST)


def test_a_failure_does_not_replace_a_reply(tmp_path: Path):
    with opened(tmp_path / "tape") as tape:
        tape.put("key", "planner", Entry(text="one"))
        assert tape.put("key", "planner", Entry(error="down")).text == "one"
        assert tape.put("key", "planner", Entry(text="two")).text == "one"


def test_several_record_on_one_tape(tmp_path: Path):
    path = tmp_path / "tape"
    with opened(path) as one:
        with opened(path) as two:
            one.put("a", "planner", Entry(text="one"))
            two.put("b", "planner", Entry(text="two"))
            assert two.put("a", "planner", Entry(text="late")).text == "one"
        one.put("c", "planner", Entry(text="three"))
    assert [file.name for file in tmp_path.iterdir()] == ["tape"], "a closed tape is one file"
    with opened(path, replay=True) as tape:
        assert [(entry := tape.find(key)) and entry.text for key in "abc"] == ["one", "two", "three"]


def test_what_was_recorded_survives_a_kill(tmp_path: Path):
    with opened(tmp_path / "tape") as tape:
        tape.put("key", "planner", Entry(text="one"))
        # What a kill at this moment would leave on the disk.
        shutil.copytree(tmp_path, tmp_path / "left", ignore=shutil.ignore_patterns("left"))
    with opened(tmp_path / "left" / "tape", replay=True) as tape:
        assert (entry := tape.find("key")) is not None
        assert entry.text == "one"


def test_replaying_leaves_the_tape_as_it_is(tmp_path: Path):
    path = tmp_path / "tape"
    with opened(path) as tape:
        tape.add_model("small", "0123")
    before = path.read_bytes()
    with opened(path, replay=True) as tape:
        assert tape.digest_of("small") == "0123"
        with pytest.raises(TapeError, match="cannot be written"):
            tape.put("key", "planner", Entry(text="one"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE something (else_ TEXT)")
    file.close()


@pytest.mark.parametrize("replay", [True, False])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda path: path.write_text("no database at all, but longer than its header of a hundred bytes" * 9),
            "cannot",
        ),
        (other_database, "is no tape of this version"),
        (lambda path: path.mkdir(), "tape"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_stays(tmp_path: Path, replay: bool, make, words: str):
    path = tmp_path / "tape"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(TapeError, match=words):
        Tape(path, replay=replay)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_there_must_be_a_tape_to_replay(tmp_path: Path):
    with pytest.raises(TapeError, match=r"There is no tape .*tape; name the recorded run's with --tape-file"):
        Tape(tmp_path / "tape", replay=True)
    assert not list(tmp_path.iterdir())


def test_a_damaged_entry_is_named(tmp_path: Path):
    path = tmp_path / "tape"
    with opened(path) as tape:
        tape.put("key", "planner", Entry(text="one"))
    with sqlite3.connect(path) as file:
        file.execute("UPDATE calls SET entry = substr(entry, 1, 9)")
    file.close()
    with opened(path, replay=True) as tape, pytest.raises(TapeError, match="damaged at call key"):
        tape.find("key")


def test_one_name_stands_for_one_model(tmp_path: Path):
    behind: BaseChatModel = QueueModel([])
    with opened(tmp_path / "tape") as tape:
        TapedChat(tape=tape, inner=behind, model="small", sha256="0123")
        TapedChat(tape=tape, inner=behind, model="small", sha256="0123")
        TapedChat(tape=tape, inner=behind, model="large", sha256="")
        with pytest.raises(TapeError, match="another file of model 'small'"):
            TapedChat(tape=tape, inner=behind, model="small", sha256="4567")
        assert (tape.digest_of("small"), tape.digest_of("large")) == ("0123", "")
        with pytest.raises(TapeError, match="no call to model 'none', only to large, small; set llm"):
            tape.digest_of("none")


@pytest.mark.parametrize("found", ['{"seed": tr', "[]", '{"seed": "perhaps"}', "[" * 100_000, ""])
def test_damaged_abilities_are_named(tmp_path: Path, found: str):
    path = tmp_path / "tape"
    with opened(path) as tape:
        tape.add_abilities("m", Abilities(logprobs=False))
        assert tape.abilities_of("m") == Abilities(logprobs=False)
    with sqlite3.connect(path) as file:
        file.execute("UPDATE abilities SET found = ?", (found,))
    file.close()
    with opened(path, replay=True) as tape, pytest.raises(TapeError, match="damaged at model m"):
        tape.abilities_of("m")
