"""The file a memory is exported to: a header line, then one record a line, as JSON.

A file may come from anywhere, so records with impossible values are refused like malformed ones.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal, TextIO

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

from billp.errors import MemoryStoreError
from billp.memory.experiences import ActorExperience, CriticExperience
from billp.memory.records import Kind, Learned, Origin, Record, Vector
from billp.memory.reflections import Reflection
from billp.memory.usage import EpisodeUsage, UsageEntry
from billp.validation import fault

FORMAT: Literal["billp-memory"] = "billp-memory"
VERSION: Literal[2] = 2

_KINDS: Mapping[Kind, type[Learned]] = {
    kind.kind: kind for kind in (Reflection, ActorExperience, CriticExperience, UsageEntry)
}
_MOST_STARS = 1e6  # of an episode, a value or an advantage; far beyond any horizon
_FARTHEST = 1e3  # length of a vector; those of embedders are of length 1, and 0 stands for nothing known
_MOST = 2**31  # episodes, steps and items that are counted
_RELATION = re.compile(r"[0-3]-[0-3]-[0-3]")


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Header(_Line):
    """The first line; `records` counts the lines after it, so a file that was cut off is noticed."""

    format: Literal["billp-memory"] = FORMAT
    version: Literal[2] = VERSION
    dataset: str
    memory: str
    embedder: str
    dimension: int
    records: int


class _Origin(_Line):
    run: str
    episode: str
    user: str
    step: int
    seed: int


class _Entry(_Line):
    kind: Kind
    id: str
    text: str
    vector: Annotated[str, Field(description="little-endian float32, base64: exact, and a third of the decimals")]
    fields: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr]
    origin: _Origin


def write_lines(stream: TextIO, header: Header, entries: Iterable[tuple[Kind, Record]]) -> None:
    """Writes `header` and `entries`; raises MemoryStoreError if the header counts another number of them."""
    stream.write(header.model_dump_json() + "\n")
    written = 0
    for kind, record in entries:
        line = {
            "kind": kind,
            "id": record.id,
            "text": record.text,
            "vector": base64.b64encode(record.vector.astype("<f4").tobytes()).decode(),
            "fields": dict(sorted(record.fields.items())),
            "origin": asdict(record.origin),
        }
        stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        written += 1
    if written != header.records:
        raise MemoryStoreError("The memory changed while it was exported; export it again.")


def read_lines(lines: Iterator[str], *, embedder: str, dimension: int) -> Iterator[tuple[Kind, Record]]:
    """Reads the records in an export's `lines`; raises MemoryStoreError, naming the line, at the first fault.

    Write nothing before the last record was read: only then is the whole file known to be good.
    """
    header = _header(next(lines, ""))
    if (header.embedder, header.dimension) != (embedder, dimension):
        raise MemoryStoreError(
            f"The export was written with embedder {header.embedder} ({header.dimension} numbers), "
            f"not {embedder} ({dimension}); import it with that embedder."
        )
    number = 1
    for number, line in enumerate(lines, start=2):
        try:
            yield _record(line, dimension)
        except (ValueError, MemoryStoreError, RecursionError) as error:
            raise MemoryStoreError(f"Line {number} of the export is malformed ({_said(error)}); mend it.") from error
    if number - 1 != header.records:
        raise MemoryStoreError(
            f"The export ends after line {number} with {number - 1} of {header.records} records; export it again."
        )


def _header(line: str) -> Header:
    try:
        values = json.loads(line)
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise MemoryStoreError("Line 1 is no header of a billp memory export; name a file that `export` wrote.")
        if values.get("version") != VERSION:
            raise MemoryStoreError(
                f"Line 1 says format version {values.get('version')!r}, but only {VERSION} can be read; "
                "export again with this version of billp."
            )
        return Header.model_validate(values)
    except (ValueError, RecursionError) as error:
        raise MemoryStoreError(f"Line 1 is no header of a billp memory export ({_said(error)}).") from error


def _record(line: str, dimension: int) -> tuple[Kind, Record]:
    entry = _Entry.model_validate_json(line)
    vector: Vector = np.frombuffer(base64.b64decode(entry.vector, validate=True), dtype="<f4").astype(np.float32)
    if vector.shape != (dimension,):
        raise ValueError(f"{len(vector)} numbers in the vector instead of {dimension}")
    record = Record(entry.id, entry.text, vector, entry.fields, Origin(**entry.origin.model_dump()))
    # There and back through its own type: a field too few, too many or of another type shows here.
    learned = _KINDS[entry.kind].from_record(record)
    if wrong := _implausible(learned):
        raise ValueError(f"record {entry.id} says {wrong}, which cannot be")
    typed = learned.to_record()
    if typed != record:
        raise ValueError(f"record {entry.id} has fields that a record of kind {entry.kind!r} does not have")
    return entry.kind, typed


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first: Any = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'line'}{fault(first)}"
    return str(error)


def _implausible(learned: Learned) -> str:
    """Says which value is impossible; empty if none is."""
    if isinstance(learned, ActorExperience) and not _RELATION.fullmatch(learned.relation):
        return f"relation {learned.relation[:40]!r}"
    if isinstance(learned, UsageEntry):
        EpisodeUsage.from_json(learned.used)  # raises MemoryStoreError
    for name in ("evidence", "claim") if isinstance(learned, Reflection) else ():
        if not _is_object(text := getattr(learned, name)):
            return f"{name} {text[:40]!r}"
    values = vars(learned)
    stars: dict[str, float] = {name: values[name] for name in ("reward", "advantage", "value") if name in values}
    counts: dict[str, int] = {name: values[name] for name in ("item", "length", "ordinal") if name in values}
    counts |= {"item before": min(before)} if (before := values.get("before")) else {}
    wrong = [f"{name} {value:g}" for name, value in stars.items() if abs(value) > _MOST_STARS]
    wrong += [f"{name} {count}" for name, count in counts.items() if not 0 <= count < _MOST]
    length = float(np.linalg.norm(learned.vector.astype(np.float64)))
    wrong += [f"a vector of length {length:g}"] if length > _FARTHEST else []
    return wrong[0] if wrong else ""


def _is_object(text: str) -> bool:
    try:
        return text == "" or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
