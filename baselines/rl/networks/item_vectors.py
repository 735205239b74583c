"""Learned item vectors: a part of the item's own, and a part of its categories."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from billp.baselines.rl.item_space import ItemSpace

_START = 0.1  # standard deviation of the first vectors: scores begin nearly equal


class ItemVectors(nn.Module):
    """Vectors (n_items, size): an own one plus the mean of the item's categories', or with "categories" the mean alone.

    So an unseen item is like others of its categories (the idea of LightFM, Kula 2015, arXiv 1507.08439). Without own
    vectors all items of the same categories are alike, and what is learned of one holds for all.
    """

    def __init__(self, space: ItemSpace, size: int, items: Literal["own", "categories"]) -> None:
        super().__init__()
        self._own = nn.Parameter(torch.randn(space.n_items, size) * _START) if items == "own" else None
        self._categories = nn.EmbeddingBag(max(1, space.n_categories), size, mode="mean")
        nn.init.normal_(self._categories.weight, std=_START)
        self.register_buffer("_members", torch.from_numpy(space.members))
        self.register_buffer("_starts", torch.from_numpy(space.starts))

    def forward(self) -> torch.Tensor:
        """Returns all vectors."""
        vectors: torch.Tensor = self._categories(self._members, self._starts)
        return vectors if self._own is None else self._own + vectors
