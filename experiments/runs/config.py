"""The configuration of a run, as stored in its `config.json`."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib import metadata
from typing import Any

from billp.agents.llm.abilities import Abilities
from billp.agents.prompt_pack import PromptPack
from billp.experiments.analysis.recorded_knowledge import knowledge_noted
from billp.graphs.dependencies import Dependencies
from billp.graphs.resources import Resources
from billp.memory import Knowledge
from billp.settings import Settings

_PACKAGES = (
    "billp",
    "chromadb",
    "langchain-core",
    "langgraph",
    "numpy",
    "sentence-transformers",
    "tianshou",
    "torch",
    "xllamacpp",
)
# Places and the number of episodes at once may change between a run and its resumption; what decides results may not.
_NOT_IDENTITY = {"data_dir": True, "runs_dir": True, "prompts": True, "chroma_url": True, "vllm": True, "page": True,
                 "postgres_url": True, "api": True,
                 "run": {"side_by_side", "tape", "tape_file", "engine", "ray_address", "workers", "log_to"},
                 "llm": {"base_url", "api_key", "gguf", "timeout_s", "retries", "backoff_s", "patience_s",
                         "threads"}}  # fmt: skip


def run_config(resources: Resources, deps: Dependencies, plan: dict[str, Any]) -> dict[str, Any]:
    """Returns the `plan` (command, method, users, seeds, ...) and what decides results: settings and hashes.

    The hashes are of prompts, model and data. Prompts and model are left out if no LLM is asked. The simulator's
    settings are those that it was built with, whatever the present ones are.
    """
    settings = deps.settings.model_dump(mode="json", exclude=_NOT_IDENTITY)  # type: ignore[arg-type]
    return {
        "plan": plan,
        "settings": settings | {"simulator": deps.worlds.train.settings.model_dump(mode="json")},
        "prompts": _pack(deps.pack) if deps.roles is not None else {},
        "dataset": {"name": deps.dataset.name, "fingerprint": deps.dataset.fingerprint},
        "model_sha256": resources.model_digest if deps.roles is not None else "",
    }


def surroundings(
    settings: Settings, able: Abilities | None = None, knowledge: Knowledge | None = None
) -> dict[str, Any]:
    """Returns versions, data folder and all settings: stored with a run, not compared on resumption, without secrets.

    `able` is what the run's LLM can do; a run whose LLM ignores seeds is marked as not repeatable. `knowledge` is what
    it says of the items: a resumed run, and explanations of it, use exactly that.
    """
    return {
        "python": platform.python_version(),
        "versions": versions(),
        "data_dir": str(settings.data),
        "settings": settings.model_dump(mode="json"),
        "repeatable": able is None or able.seed,
        "llm": None if able is None else asdict(able),
        **knowledge_noted(knowledge),
    }


def versions() -> dict[str, str]:
    """Returns the versions of the packages that results depend on; packages that are not installed are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _pack(pack: PromptPack) -> dict[str, Any]:
    return {
        "pack": pack.name,
        "sha256": pack.digest,
        "versions": {role: prompt.version for role, prompt in sorted(pack.prompts.items())},
    }
