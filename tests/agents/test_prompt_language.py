"""Prompts that would hang, fill the memory or crash are refused in a sentence, at once."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from billp.agents.prompt_pack import DEFAULT_PACK, load_pack
from billp.errors import PromptError

LOOP = "{% for a in history %}"
END = "{% endfor %}"


def pack(folder: Path, changing: str) -> Path:
    """A copy of the default pack whose critic says `changing` besides."""
    shutil.copytree(DEFAULT_PACK, folder)
    path = folder / "critic.md"
    path.write_text(path.read_text(encoding="utf-8") + changing, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "changing",
    [
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a' * 999999999 }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '%0999999999d' | format(1) }}",
        "{{ 'a' | center(999999999) }}",
        "{{ 'a'.ljust(999999999) }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x" + END * 3,
        LOOP * 3 + "x" + END * 3,
        "{% for a in history recursive %}{{ loop(history) }}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
        "{{ 1 / 0 }}",
        "{{ 1 // 0 }}",
        "(" * 5000,
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "-" * 20000 + "1 }}",
        "{% if left %}" * 3000,
        "{{ [].pop() }}",
        "{{ ''.__class__ }}",
        "{{ lipsum(9) }}",
        "{% include 'x' %}",
        "x" * 200_000,
    ],
    ids=lambda text: text[:24],
)
def test_what_would_hang_or_overflow_is_refused_at_once(tmp_path: Path, changing: str):
    began = time.process_time()
    if changing == "(" * 5000:
        load_pack(pack(tmp_path / "p", changing))  # words alone
    else:
        with pytest.raises(PromptError):
            load_pack(pack(tmp_path / "p", changing))
    assert time.process_time() - began < 5


def test_a_pipe_for_a_prompt_is_refused(tmp_path: Path):
    folder = pack(tmp_path / "p", "")
    (folder / "critic.md").unlink()
    os.mkfifo(folder / "critic.md")
    with pytest.raises(PromptError):
        load_pack(folder)


def test_two_loops_a_choice_and_filters_may_be(tmp_path: Path):
    load_pack(
        pack(
            tmp_path / "p",
            "{% for a in history %}{% for b in a.categories %}{{ b | upper }}{% endfor %}{% endfor %}"
            "{% set n = history | length %}{% if n > 2 %}{{ n + 1 }}{% endif %}{{ values | join('; ') }}",
        )
    )
