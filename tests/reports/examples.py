"""Run folders to make reports of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from billp.experiments.analysis.critic_study import CriticStudy
from billp.experiments.compare.pairs import Pair
from billp.experiments.compare.policy_curves import Passing, PolicyPoint, PolicyTraining
from billp.experiments.compare.results import Comparison, Serving
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.beyond_accuracy import BeyondAccuracy
from billp.experiments.stats.endings import outcome_reason
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.metrics import summarise
from billp.experiments.stats.reliability import reliability
from billp.graphs.state import Ended, RecalledReflection
from billp.memory import Origin
from tests.experiments.examples import failed, finished, usage

HOSTILE = "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 1'>"


def put_run(folder: Path, lines: Sequence[EpisodeLine], *, complete: bool = True, **given: Any) -> Path:
    """A run folder with these episodes; `given` goes into the plan, but for `pack`, `settings` and `llm`."""
    folder.mkdir(parents=True)
    pack, settings = given.pop("pack", "default"), given.pop("settings", {"run": {"batch": 10}})
    surroundings = {"python": "3.11", "llm": given.pop("llm", None)}
    config = {
        "plan": {"command": "evaluate", "method": "billp", "users": ["u0"]} | given,
        "settings": settings,
        "prompts": {"pack": pack, "sha256": "0"},
        "dataset": {"name": "tiny", "fingerprint": "tiny-0"},
        "model_sha256": "",
        "surroundings": surroundings,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "episodes.jsonl").write_text("".join(line.model_dump_json() + "\n" for line in lines), encoding="utf-8")
    if complete:
        (folder / "metrics.json").write_text("{}")
    return folder


def episode(
    id_: str,
    *rewards: float,
    method: str = "billp",
    split: str = "test",
    user: str = "u0",
    seed: int = 0,
    ended: Ended = "low_reward",
    title: str = "",
    judged: bool = False,
    source: Origin | None = None,
) -> EpisodeLine:
    """A finished episode that spent tokens; `title` goes wherever words do, `source` is what it recalled."""
    line = finished(
        id_, *rewards, user=user, seed=seed, ended=ended, spent=usage(calls=4, prompt_tokens=90, completion_tokens=10)
    )
    done = line.output
    assert done is not None
    for step in done["steps"]:
        step["thought"], step["proposal"] = f"a thought {title}", f"Film {title}"
        step["title"] = f"{step['title']} {title}".strip()
        step["shortlist"] = [step["item"], step["item"] + 10]
        if judged:
            step |= {"value": 3.0, "next_value": 2.0, "target": 4.5, "advantage": 1.5 if step["reward"] > 2 else -1.25}
        if source is not None:
            step["experiences"] = [Origin(source.run, source.episode, source.user, 1, source.seed).id("actor")]
    if outcome_reason(ended).earlier:
        done["steps"][-1]["too_close_to"] = 1
    if source is not None:
        lesson = RecalledReflection(
            id=source.id("reflections"), text=f"a lesson {title}", distance=0.25, alike=[], weight=1.0
        )
        done["reflections"] = [lesson]
        done["valued"] = {Origin(source.run, source.episode, source.user, 1, source.seed).id("critic"): [1]}
    if split == "train":
        done["reflection"] = f"what was learned {title}"
    return line.model_copy(update={"method": method, "split": split})


def comparison(root: Path) -> Path:
    """A folder like `billp compare` leaves: training, probes, results of two seeds, the pairs; and a Critic's study."""
    taught = Origin("training", "train-0-2", "u2", -1, 0)
    training = [
        episode(
            f"train-0-{n}", *[3.0] * (n % 4 + 1), split="train", user=f"u{n}", judged=True,
            source=taught if n > 2 else None,
        )
        for n in range(6)
    ]  # fmt: skip
    put_run(root / "billp" / "training", training, command="train", seed=0, arm="billp")
    for seen in (0, 3, 6):
        lines = [episode(f"test-0-u{n}", *[4.0] * (n + seen), 1.0, user=f"u{n}") for n in range(2)]
        put_run(root / "billp" / f"probe-{seen}", lines, trained=seen, probe=True, seeds=[0], arm="billp")
    for seed in (0, 1):
        lines = [
            episode(f"test-{seed}-u{n}", 4, 5, 3, user=f"u{n}", seed=seed, ended="too_close", source=taught)
            for n in range(3)
        ]
        put_run(root / "billp" / f"seed-{seed}", lines, trained=6, seeds=[seed], arm="billp")
        plain = [episode(f"test-{seed}-u{n}", 2, 1, method="react", user=f"u{n}", seed=seed) for n in range(2)]
        put_run(
            root / "react" / f"seed-{seed}", [*plain, failed("test-x", seed=seed)], method="react", seeds=[seed],
            arm="react",
        )  # fmt: skip
    pairs = [
        Pair(
            a=a, b=b, metric=metric, pairs=4, difference=Estimate(mean=9.0, ci95=(8.0, 10.0)),
            ratio=Estimate(mean=4.0, ci95=(3.5, 4.5)),
        )
        for a, b in (("billp", "react"), ("act-only", "billp"))
        for metric in ("r_traj", "len")
    ]  # fmt: skip
    conduct = BeyondAccuracy(
        coverage=0.25, diversity=0.75, long_tail=0.4, grounding=None, avoidable_quits=0.5, bored_steps_back={"1": 3}
    )
    billp, react = (summarise([episode("test-0-u0", 4, 5, 3)], method, "tiny") for method in ("billp", "react"))
    points = [PolicyPoint(steps=steps, train_users=5.0 * steps, held_out=4.0) for steps in (1, 2)]
    passing = Passing(arm="billp", r_traj=12.0, train_users=None, held_out=None)
    policy = PolicyTraining(arm="a2c", seeds=1, steps=2, seconds=1.0, curve=points, passes=[passing])
    found = Comparison(
        dataset="tiny", base="react", users=3, stopped_early=False, pairs=pairs, curve=[], policies=[policy],
        methods={"billp": billp.model_copy(update={"conduct": conduct}), "react": react}, training={}, settings={},
        serving=Serving(seconds=1, busy_share=0, calls_at_once=0, cached_share={}),
    )  # fmt: skip
    (root / "comparison.json").write_text(found.model_dump_json())
    study = CriticStudy(
        dataset="tiny", method="billp", memory="billp", gamma=0.5, episodes=6, failed=0, hidden=0,
        unjudged={"logprobs": 0}, ways={"logprobs": reliability([1, 2, 3, 4], [1, 2, 2, 5])},
    )  # fmt: skip
    (root / "critic.json").write_text(study.model_dump_json())
    (root / "config.json").write_text(json.dumps({"plan": {"command": "compare"}}))
    return root
