"""The settings that a run was made with, as its folder says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billp.settings import Settings

_EARLIER: dict[str, dict[str, object]] = {
    "simulator": {"judgement_rounding": "stars"},
    "actor": {"mask_history": False},
}
"""What held before there was a setting, where that is not its default."""


def completed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a run stored them, in plain values; what it did not store, or did not exist yet, is by default.

    In a group that was stored, a setting younger than the run has the value by which such runs were made. Neither
    environment nor file is read.
    """
    whole = Settings.model_construct().model_dump(mode="json")
    for name, given in stored.items():
        known = isinstance(given, dict) and name in whole
        whole[name] = {**whole[name], **_EARLIER.get(name, {}), **given} if known else given
    return whole
