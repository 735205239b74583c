"""Settings whose names changed or that are gone, and how the old names are read: they work for one version."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from billp.errors import SettingsError

log = logging.getLogger(__name__)

RENAMED = {
    "critic.trust": "critic.llm_weight",
    "planner.lean": "planner.plan_weight",
}
"""Old dotted name to the present one, in the same section."""

GONE = {
    "critic.eligibility": 0.0,
}
"""Dotted names of settings that are gone, and the one value that still holds; with it they are passed over."""


def with_new_names(given: Mapping[str, Any], *, warn: bool) -> dict[str, Any]:
    """Returns settings, nested by section, with every old name replaced by the present one.

    Settings that are gone are left out, unless they have another value than the one that holds now. With `warn`, each
    old name is logged once as a warning; the settings that a stored run was made with are read without. Raises
    SettingsError when a section holds a setting under both names.
    """
    found = dict(given)
    for old, new in RENAMED.items():
        section, _, before = old.partition(".")
        leaf = new.partition(".")[2]
        held = found.get(section)
        if not isinstance(held, Mapping) or before not in held:
            continue
        if leaf in held:
            raise SettingsError(f"Setting {old} is called {new} now, and both are given; give {new} alone.")
        if warn:
            log.warning("Setting %s is called %s now; the old name will go with the next version.", old, new)
        found[section] = {leaf if name == before else name: value for name, value in held.items()}
    for old, value in GONE.items():
        section, _, leaf = old.partition(".")
        held = found.get(section)
        if isinstance(held, Mapping) and str(held.get(leaf)) in (str(value), f"{value:g}"):
            if warn:
                log.warning("Setting %s is gone; leave it out.", old)
            found[section] = {name: kept for name, kept in held.items() if name != leaf}
    return found
