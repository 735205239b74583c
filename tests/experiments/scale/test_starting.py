"""What Ray cannot do is said before it is started."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from typing import Any

import pytest

from billp.errors import SettingsError
from billp.experiments.runs.engine import LocalEngine, engine_of
from billp.graphs.resources import Resources
from billp.settings import load_settings


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"run.tape": "record"}, "leave out --tape"),
        ({"run.ray_address": "ray://head:10001"}, "start it on a machine of the cluster"),
    ],
)
async def test_what_it_cannot_do_is_refused(told: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None))
    with pytest.raises(SettingsError, match=words):
        await engine_of(Resources(load_settings({"run.engine": "ray"} | told)))


async def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'billp\[scale\]'"):
        await engine_of(Resources(load_settings({"run.engine": "ray"})))


async def test_the_default_is_this_process():
    assert isinstance(await engine_of(Resources(load_settings())), LocalEngine)
