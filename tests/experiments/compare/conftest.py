"""A data folder with the tiny dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.tiny import put_tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("comparing")
    put_tiny(home / "data", home / "source")
    return home / "data"
