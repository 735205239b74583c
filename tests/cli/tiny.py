"""The tiny dataset and its simulator in a data folder, as `billp data add` and `billp simulator build` leave them."""

from __future__ import annotations

from pathlib import Path

from billp.simulators import ColumnSpec, add_folder, save_worlds, simulator_folder
from tests.fakes.worlds import fitted_to, tiny_dataset, write_atomic


def put_tiny(data: Path, source: Path, name: str = "tiny") -> None:
    """Registers the tiny dataset as `name`, its files written to `source` first, and builds its simulator."""
    write_atomic(source, tiny_dataset())
    dataset = add_folder(data, source, name, columns=ColumnSpec(categories="class", title="movie_title"))
    save_worlds(simulator_folder(data, name), fitted_to(dataset))
