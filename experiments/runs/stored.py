"""Files that a command left in a run's folder, read again."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import LARGEST
from billp.whole_files import read_bounded

Stored = TypeVar("Stored", bound=BaseModel)


def read_stored(path: Path, model: type[Stored], remedy: str) -> Stored:
    """What the file holds; raises ArtifactError, ended by the `remedy`, where it is damaged or cannot be read."""
    try:
        return model.model_validate_json(read_bounded(path, LARGEST))
    except (ValidationError, OSError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise ArtifactError(f"{path} cannot be read ({said}); {remedy}.") from error
