"""Comparisons on a tiny world with a model that answers by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from billp.agents.prompt_pack import DEFAULT_PACK, PromptPack, load_pack
from billp.experiments.compare.comparison import compare
from billp.experiments.compare.design import Design, arms_of
from billp.experiments.compare.results import Comparison
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel


def design(
    methods: Sequence[str] = ("random", "reflexion", "billp"), packs: Sequence[PromptPack] = (), **given: Any
) -> Design:
    arms = arms_of(methods, packs or [load_pack(DEFAULT_PACK)])
    plain = Design(
        dataset="tiny",
        arms=arms,
        base=arms[0].name,
        train_episodes=6,
        users=5,
        seeds=(0, 1),
        probes=(0, 3),
        probe_users=2,
        stop_early=False,
    )
    return replace(plain, **given)


async def run(
    data: Path, folder: Path, what: Design, model: RuleModel | None = None, *, resume: bool = False, **seen: Any
) -> Comparison:
    settings = load_settings({"data_dir": data, "run.batch": 3})
    async with Resources(settings, model=model or RuleModel(), embedder=HashEmbedder()) as resources:
        return await compare(resources, what, run=folder, resume=resume, **seen)
