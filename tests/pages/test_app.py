"""The app that LangGraph's development server serves beside its own routes."""

from __future__ import annotations

import logging

import pytest

from billp.pages.app import app


async def test_the_development_server_says_where_the_page_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("LANGGRAPH_API_URL", "http://127.0.0.1:2024")
    with caplog.at_level(logging.INFO):
        async with app.router.lifespan_context(app):
            assert "The local page is at http://127.0.0.1:2024/page/" in caplog.text
