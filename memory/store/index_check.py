"""Whether a stored vector index of Chroma's is whole: its core reads one without looking, and crashes on a damaged one.

The layout is hnswlib's: a header; the lowest level, an element after another, each with its neighbours, its vector and
its label; and of each element the bytes and the neighbours that it has on the levels above.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct("<i6QiI3QdQ")
_STORED = "index_metadata.pickle"  # is there once the index was stored; its content is Chroma's business
_COUNT = 4  # bytes before a list of neighbours


def index_fault(folder: Path) -> str:
    """What is wrong with the index in `folder`, in words; empty where nothing is, or none was stored yet."""
    if not (folder / _STORED).exists():
        return ""
    header = (folder / "header.bin").read_bytes()
    if len(header) != _HEADER.size:
        return "the header of an index is cut off"
    (_, _, most, count, size, label, vector, _, enter, upper, lowest, _, _, _) = _HEADER.unpack(header)
    if not (count <= most and enter < max(count, 1) and vector == _COUNT + 4 * lowest and label < size <= 2**20):
        return "the header of an index is damaged"
    level0 = np.fromfile(folder / "data_level0.bin", dtype=np.uint8)
    if len(level0) != count * size or (folder / "length.bin").stat().st_size != 4 * count:
        return "an index is cut off"
    above = _lists_above((folder / "link_lists.bin").read_bytes(), count, _COUNT + 4 * upper)
    sound = _are_neighbours(level0.reshape(count, size)[:, :vector], lowest, count)
    return "" if sound and above is not None and _are_neighbours(above, upper, count) else "an index is damaged"


def _lists_above(links: bytes, count: int, width: int) -> NDArray[np.uint8] | None:
    """The lists of neighbours on the upper levels, shape (n, width); None where they are no such lists."""
    lists, at = [], 0
    for _ in range(count):
        size = int.from_bytes(links[at : at + _COUNT], "little")
        if at + _COUNT + size > len(links) or size % width:
            return None
        lists.append(links[at + _COUNT : at + _COUNT + size])
        at += _COUNT + size
    return np.frombuffer(b"".join(lists), dtype=np.uint8).reshape(-1, width) if at == len(links) else None


def _are_neighbours(rows: NDArray[np.uint8], most: int, count: int) -> bool:
    """Whether each of `rows` (n, 4 + 4 most) begins with a number, at most `most`, of elements that are there."""
    numbers = np.ascontiguousarray(rows[:, :2]).view("<u2")
    elements = np.ascontiguousarray(rows[:, _COUNT:]).view("<u4")
    used = np.arange(most) < numbers
    return bool((numbers <= most).all() and (elements[used] < count).all())
