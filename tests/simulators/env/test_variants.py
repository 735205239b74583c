"""Variants of a simulator: other splits, and items without categories, each built once under its own name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from billp.errors import ArtifactError, DataError
from billp.simulators import environment_id, load_dataset, load_worlds, simulator_folder
from billp.simulators.env.variants import Variant, ready
from tests.cli.tiny import put_tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("variants")
    put_tiny(home / "data", home / "source")
    return home / "data"


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        (Variant("tiny"), "tiny"),
        (Variant("tiny", 1), "tiny@split1"),
        (Variant("tiny", categories=False), "tiny@no-categories"),
        (Variant("tiny", 2, categories=False), "tiny@split2-no-categories"),
    ],
)
def test_a_variant_is_named_after_its_dataset(variant: Variant, name: str):
    assert variant.name == name


def test_another_split_has_other_test_users_and_is_built_once(data: Path):
    variant = Variant("tiny", 1)
    ready(data, variant)
    own, other = (load_worlds(simulator_folder(data, name)) for name in ("tiny", variant.name))
    assert other.test.settings == own.test.settings.model_copy(update={"seed": own.test.settings.seed + 1})
    assert not np.array_equal(own.test.users, other.test.users)
    built = simulator_folder(data, variant.name).stat().st_mtime_ns
    ready(data, variant)
    assert simulator_folder(data, variant.name).stat().st_mtime_ns == built
    dataset = load_dataset(data, variant.name)
    assert dataset.name == variant.name
    assert dataset.fingerprint == load_dataset(data, "tiny").fingerprint
    assert environment_id(variant.name) == "billp/tiny.split1-v0"


def test_without_categories_the_rating_model_is_another(data: Path):
    variant = Variant("tiny", categories=False)
    ready(data, variant)
    assert not load_worlds(simulator_folder(data, variant.name)).train.settings.item_categories


def test_what_cannot_be_derived_is_refused(data: Path, tmp_path: Path):
    with pytest.raises(DataError, match="no dataset 'other'"):
        ready(data, Variant("other", 1))
    with pytest.raises(DataError, match="not usable"):
        load_dataset(data, "../tiny@split1")
    with pytest.raises(DataError, match="not usable"):
        simulator_folder(data, "tiny@../../x")
    (tmp_path / "datasets").symlink_to(data / "datasets")
    with pytest.raises(ArtifactError, match="billp simulator build tiny"):
        ready(tmp_path, Variant("tiny", 1))
