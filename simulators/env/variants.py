"""Variants of a simulator under names of their own: other splits of the users, and rating models without categories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from billp.errors import ArtifactError
from billp.simulators.data.registry import load_dataset
from billp.simulators.env.artifacts import load_worlds, made_and_saved, simulator_folder
from billp.simulators.env.building import build_worlds
from billp.simulators.progress import Progress


@dataclass(frozen=True)
class Variant:
    """A simulator derived from that of `dataset`: another split of its users, or items without categories.

    Split 0 is the dataset's own. `name` can be used wherever a dataset is named.
    """

    dataset: str
    split: int = 0
    categories: bool = True

    @property
    def name(self) -> str:
        """NAME, NAME@split1, NAME@no-categories or NAME@split1-no-categories."""
        parts = ([f"split{self.split}"] if self.split else []) + ([] if self.categories else ["no-categories"])
        return f"{self.dataset}@{'-'.join(parts)}" if parts else self.dataset


def ready(data_dir: Path, variant: Variant, progress: Progress | None = None) -> None:
    """Builds the simulator of `variant` if it does not exist yet, with the settings of the dataset's own simulator.

    Raises ArtifactError if the dataset's own simulator is not built, or does not use categories itself, and DataError
    for a dataset that is not registered.
    """
    dataset = load_dataset(data_dir, variant.dataset)
    own = load_worlds(simulator_folder(data_dir, variant.dataset), dataset).train.settings
    if not own.item_categories:
        raise ArtifactError(
            f"The simulator of {variant.dataset} knows no categories itself; build it with "
            f"`billp simulator build {variant.dataset} --set simulator.item_categories=true`."
        )
    if variant.name == variant.dataset:
        return
    wanted = own.model_copy(update={"seed": own.seed + variant.split, "item_categories": variant.categories})
    folder = simulator_folder(data_dir, variant.name)
    try:
        if load_worlds(folder, dataset).train.settings == wanted:
            return
    except ArtifactError:
        pass  # not built yet, of other data or by another version: built now
    made_and_saved(folder, lambda: build_worlds(dataset, wanted, progress))
