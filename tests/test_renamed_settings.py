"""Old names of settings: read wherever settings come from, with one warning that gives the new name."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from billp.errors import SettingsError
from billp.experiments.runs.configured_folder import completed, section_of
from billp.renamed_settings import GONE, RENAMED
from billp.settings import PlannerSettings, load_settings, setting_names

OLD = pytest.mark.parametrize(("old", "new"), RENAMED.items())


def value(name: str) -> object:
    section, _, leaf = name.partition(".")
    return getattr(getattr(load_settings(), section), leaf)


def warned(caplog: pytest.LogCaptureFixture, old: str, new: str) -> bool:
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return len(said) == 1 and f"{old} is called {new} now" in said[0]


@OLD
def test_the_new_name_is_a_setting_and_the_old_is_none(old: str, new: str):
    assert new in setting_names()
    assert old not in setting_names()


@OLD
def test_a_variable(old: str, new: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setenv(f"BILLP_{old.replace('.', '_').upper()}", "0.75")
    assert value(new) == 0.75
    assert warned(caplog, old, new)


@OLD
def test_the_file(old: str, new: str, caplog: pytest.LogCaptureFixture):
    section, _, leaf = old.partition(".")
    Path("billp.toml").write_text(f"[{section}]\n{leaf} = 0.75\n")
    assert value(new) == 0.75
    assert warned(caplog, old, new)


@OLD
def test_a_flag(old: str, new: str, caplog: pytest.LogCaptureFixture):
    section, _, leaf = new.partition(".")
    assert getattr(getattr(load_settings({old: 0.75}), section), leaf) == 0.75
    assert warned(caplog, old, new)


@OLD
def test_both_names_at_once_are_refused(old: str, new: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"BILLP_{new.replace('.', '_').upper()}", "0.5")
    with pytest.raises(SettingsError, match=f"{old} is called {new} now, and both are given"):
        load_settings({old: 0.75})


@OLD
def test_a_stored_run_is_read_without_a_word(old: str, new: str, caplog: pytest.LogCaptureFixture):
    section, _, before = old.partition(".")
    leaf = new.partition(".")[2]
    then = completed({section: {before: 0.75}})
    assert then[section][leaf] == 0.75
    assert before not in then[section]
    assert not caplog.records


def test_a_section_of_a_stored_run_is_read_without_settings_that_are_gone():
    assert section_of({"planner": {"lean": 0.75, "gone": 1}}, "planner", PlannerSettings).plan_weight == 0.75
    assert section_of({}, "planner", PlannerSettings) == PlannerSettings()


def test_a_setting_that_is_gone_is_passed_over_where_it_says_what_holds_and_refused_otherwise(
    caplog: pytest.LogCaptureFixture,
):
    (name,) = GONE
    for given in (0, 0.0, "0", "0.0"):
        assert load_settings({name: given}) == load_settings()
        assert f"Setting {name} is gone" in caplog.text
        caplog.clear()
    with pytest.raises(SettingsError, match=f"There is no setting '{name}'"):
        load_settings({name: 0.5})
    assert completed({"critic": {"eligibility": 0.0}}) == completed({"critic": {}})
    assert completed({"critic": {"eligibility": 0.5}}) != completed({"critic": {}})
