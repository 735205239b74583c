"""The embedded server's model file; llama.cpp itself is tested in integration/."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.errors import SettingsError
from billp.serving.embedded import start
from billp.settings import load_settings


def test_a_missing_model_file_is_a_wrong_setting(tmp_path: Path):
    settings = load_settings({"llm.gguf": tmp_path / "nowhere.gguf", "data_dir": tmp_path})
    with pytest.raises(SettingsError, match=r"There is no model file .*nowhere\.gguf; set BILLP_LLM_GGUF"):
        start(settings)
