"""The tape: every LLM call of a run with its reply, so that the run can be repeated exactly and without an LLM.

It is one SQLite file. The key of a call is a hash of what shapes its reply: model, prompt, parameters and seed. Stored
are the reply, its log-probabilities and its cost, or why there was none; no prompt and no API key. Asking the same
again returns what was recorded first, so that a run that is resumed or repeated while recording stays one and the same
run. Recording a call takes about 0.2 ms and replaying one 0.1 ms, including the hash of its prompt: too little for a
thread, so both run on the event loop.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.reading import Reply
from billp.agents.llm.usage import Usage
from billp.errors import ContextOverflowError, ModelUnavailableError, TapeError
from billp.whole_files import check_plain

_APPLICATION, _VERSION = 0x62696C6C, 1  # "bill": tells a tape from other SQLite files
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS models (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, role TEXT NOT NULL, failed INTEGER NOT NULL, entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS abilities (name TEXT PRIMARY KEY, found TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS knowledge (
    model TEXT, question TEXT, file TEXT NOT NULL, answers TEXT NOT NULL, PRIMARY KEY (model, question)
) WITHOUT ROWID;
"""


class Entry(BaseModel):
    """The result of a call: a reply, or the sentence that says why there was none."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    text: str = ""
    first_token: dict[str, float] = {}
    usage: Usage = Usage()
    problem: str = ""
    """Why there is no text, if the reason is known."""
    error: str = ""
    overflow: bool = False
    """Whether the failure was a prompt longer than the context, which is then cut and asked again."""

    def reply(self) -> Reply:
        """Returns the reply; raises ModelUnavailableError with the recorded sentence if there was none."""
        if self.overflow:
            raise ContextOverflowError(self.error)
        if self.error:
            raise ModelUnavailableError(self.error)
        return Reply(self.text, self.first_token, self.usage, self.problem)


_ABILITIES = TypeAdapter(Abilities)


class Tape:
    """An open tape file. Several models, threads and processes may record on it at the same time."""

    def __init__(self, path: Path, *, replay: bool) -> None:
        """Opens `path` for reading (`replay`) or for recording, which creates it if missing.

        Raises TapeError if there is no tape to replay, if the file is something else, or if it cannot be opened.
        """
        self.path = path
        if replay and not path.is_file():
            raise TapeError(f"There is no tape {path}; name the recorded run's with --tape-file.")
        with self._refusing("opened"):
            if not replay:
                path.parent.mkdir(parents=True, exist_ok=True)
                check_plain(path)  # on /dev/null SQLite would keep nothing
            uri = f"{path.absolute().as_uri()}?mode={'ro' if replay else 'rwc'}"
            # A connection may be made in one thread and used in another; SQLite itself serialises them.
            self._file = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        self._records = not replay
        try:
            with self._refusing("opened"):
                self._check(replay)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Closes the file; without other writers it becomes one file again, without a log beside it."""
        if self._records:
            with suppress(sqlite3.OperationalError):  # another process records on it and will tidy up
                self._file.execute("PRAGMA busy_timeout = 0")
                self._file.execute("PRAGMA journal_mode = DELETE")
        self._file.close()

    def digest_of(self, model: str) -> str:
        """Returns the SHA-256 of the file of `model` as recorded, empty for a model behind another server.

        Raises TapeError if the tape holds no call to it.
        """
        with self._refusing("read"):
            models = dict(self._file.execute("SELECT name, sha256 FROM models ORDER BY name"))
        if model not in models:
            raise TapeError(
                f"The tape {self.path} holds no call to model {model!r}, only to {', '.join(models) or 'none'}; "
                f"set llm.model to the recorded one or name another tape with --tape-file."
            )
        return str(models[model])

    def add_model(self, model: str, sha256: str) -> None:
        """Records what calls to `model` go to; raises TapeError if the name stood for another file before."""
        with self._refusing("written"):
            self._file.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", (model, sha256))
        if self.digest_of(model) != sha256:
            raise TapeError(
                f"The tape {self.path} was recorded with another file of model {model!r}; "
                f"name another tape with --tape-file, or delete this one."
            )

    def add_abilities(self, model: str, able: Abilities) -> None:
        """Records the result of the start-up check of `model`, on which its calls depend."""
        with self._refusing("written"):
            self._file.execute("INSERT OR REPLACE INTO abilities VALUES (?, ?)", (model, json.dumps(asdict(able))))

    def abilities_of(self, model: str) -> Abilities:
        """Returns the recorded abilities of `model`; all of them if the tape does not say."""
        with self._refusing("read"):
            row = (
                self._has("abilities")
                and self._file.execute("SELECT found FROM abilities WHERE name = ?", (model,)).fetchone()
            )
        try:
            return _ABILITIES.validate_json(row[0]) if row else Abilities()
        except ValidationError as error:
            raise TapeError(
                f"The tape {self.path} is damaged at model {model}; restore it or record it again."
            ) from error

    def add_knowledge(self, model: str, question: str, file: str, answers: str) -> None:
        """Records what `model` said of items when asked `question`: the text of the file of that name."""
        with self._refusing("written"):
            self._file.execute("INSERT OR IGNORE INTO knowledge VALUES (?, ?, ?, ?)", (model, question, file, answers))

    def knowledge_of(self, model: str, question: str) -> tuple[str, str] | None:
        """Returns the name and the text of that file; None if the tape has none."""
        with self._refusing("read"):
            row = (
                self._has("knowledge")
                and self._file.execute(
                    "SELECT file, answers FROM knowledge WHERE model = ? AND question = ?", (model, question)
                ).fetchone()
            )
        return (str(row[0]), str(row[1])) if row else None

    def find(self, key: str) -> Entry | None:
        """Returns the entry recorded under `key`, None if there is none."""
        with self._refusing("read"):
            row = self._file.execute("SELECT entry FROM calls WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            return Entry.model_validate_json(row[0])
        except ValidationError as error:
            raise TapeError(f"The tape {self.path} is damaged at call {key}; restore it or record it again.") from error

    def put(self, key: str, role: str, entry: Entry) -> Entry:
        """Records `entry` and returns what the tape holds then: replies are kept, a reply replaces a failure."""
        with self._refusing("written"):
            self._file.execute(
                "INSERT INTO calls VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
                "SET failed = 0, entry = excluded.entry WHERE calls.failed AND NOT excluded.failed",
                (key, role, bool(entry.error), entry.model_dump_json()),
            )
        return self.find(key) or entry

    def _has(self, table: str) -> bool:
        """Returns whether the table exists: tapes of earlier versions lack some."""
        return bool(self._file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())

    def _check(self, replay: bool) -> None:
        """Refuses other files, and creates the tables of a new one."""
        (application,) = self._file.execute("PRAGMA application_id").fetchone()
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        (tables,) = self._file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (application, version) != (_APPLICATION, _VERSION) and (replay or tables):
            raise TapeError(f"{self.path} is no tape of this version; name another file with --tape-file.")
        if not replay:
            # A recorded call survives the end of this process; only a power cut may lose the latest calls.
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            known = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; COMMIT;"
            self._file.executescript(_SCHEMA + known)

    @contextmanager
    def _refusing(self, done: str) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise TapeError(
                f"The tape {self.path} cannot be {done} ({error}); mend that or name another file with --tape-file."
            ) from error
