"""Which models to take instead of the stand-in, by the memory that they need."""

from __future__ import annotations

import os

_BETTER = (
    (3.0, "a model of 1.5 billion weights (GGUF, Q4: 1.1 GB)"),
    (8.0, "one of 7 to 8 billion (GGUF, Q4: 5 GB)"),
)  # GB of memory that the machine should have free, and what fits into them


def better_models(memory_gb: float | None = None) -> str:
    """What this machine can hold, given `memory_gb` of memory (none: what is there), and how it is used."""
    memory_gb = _memory_gb() if memory_gb is None else memory_gb
    fitting = [words for needed, words in _BETTER if needed <= memory_gb]
    here = f"This machine's {memory_gb:.0f} GB hold {' or '.join(fitting)}: name its file as BILLP_LLM_GGUF. "
    return (here if fitting else "") + "On a GPU, serve one of 8 billion (BILLP_LLM_BASE_URL)."


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
