"""Settings of earlier runs, completed by what held then."""

from __future__ import annotations

from billp.experiments.runs.stored_settings import completed


def test_a_run_from_before_a_setting_is_read_as_it_went():
    assert completed({"actor": {"tau": 1.0}})["actor"]["mask_history"] is False
    assert completed({"actor": {"mask_history": True}})["actor"]["mask_history"] is True
