"""Captions: what a comparison's numbers are based on, in a few sentences that are shown with its tables."""

from __future__ import annotations

from billp.experiments.analysis.knowledge import known
from billp.experiments.compare.design import Design
from billp.graphs.dependencies import Dependencies
from billp.simulators.quit.registry import rule_named
from billp.words import counted


def caption(design: Design, deps: Dependencies, *, met: int) -> str:
    """Returns the caption: where users come from, their worlds, and what was learned, tuned and read by which arm."""
    worlds, settings = deps.worlds, deps.worlds.test.settings
    arms = {arm.name: arm.method for arm in design.arms}
    rule = rule_named(settings.quit_rule)
    window = getattr(settings, rule.window)
    horizon = worlds.test.horizon
    said = [
        f"Test users: {met} of the {len(worlds.test.users)} held out of {design.dataset} (split by seed "
        f"{settings.seed}), met once with each of {counted(len(design.seeds), 'seed')}; train users: the other "
        f"{len(worlds.train.users)}.",
        f"Each part has a world fitted to its own logs alone ({worlds.test.model.kind}); users leave by the rule "
        f"{rule.name} (window {window}), after {horizon} steps at most"
        + (", items may come again." if settings.repeats else ", no item comes twice."),
    ]
    learning = [name for name, method in arms.items() if method.learns]
    if learning:
        said.append(
            f"Learned from {counted(design.train_episodes, 'episode')} with train users, separately for each seed: "
            f"{', '.join(learning)}."
        )
    policies = [name for name, method in arms.items() if method.needs_policy]
    if policies:
        said.append(
            "Trained separately for each seed in the train world, with hyperparameters searched on train users: "
            f"{', '.join(policies)}."
        )
    tuned = [name for name, method in arms.items() if method.tuned]
    if tuned:
        said.append(
            "Window and weights chosen with train users in the train world, separately for each seed: "
            f"{', '.join(tuned)}."
        )
    logs = [name for name, method in arms.items() if method.uses_logs]
    said.append(f"Reads the train users' logs: {', '.join(logs) or 'none'}.")
    knowing = [name for name, method in arms.items() if method.knows and deps.settings.memory.llm_knowledge]
    if knowing and deps.belief_model.knowledge.asked:
        belief_model = deps.belief_model
        found = known(belief_model.knowledge, belief_model.logs, deps.catalogue, "")
        said.append(f"What the LLM says of items counts in {', '.join(knowing)}: {found.sentence()}.")
    if any(method.chooser == "oracle" for method in arms.values()):
        said.append("The oracle knows what test users would answer: a bound, no rival.")
    said.append(
        "Intervals are 95%, over users and, where a method learns or is tuned, over trainings. Coverage: share of the "
        "catalogue that one seed's test users saw."
    )
    return " ".join(said)
