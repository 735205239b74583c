"""What the nodes of a step share: whom to ask, what the Actor is told, what is not to come again, and the seeds."""

from __future__ import annotations

from billp.agents.actor_input import ActorInput
from billp.agents.llm.asking import call_seed
from billp.agents.roles.wishes import Wish, not_wished
from billp.agents.tools import CategoryAnalysis
from billp.errors import EpisodeError
from billp.graphs.dependencies import AgentRoles, Dependencies
from billp.graphs.plans import wish_from
from billp.graphs.state import ActorState, EpisodeContext, Observation
from billp.graphs.users import masked_of

CHOOSING, SHORTLISTING = "choose", "shortlist"
"""What chance is used for where no LLM is asked: to choose an item, and to draw candidates."""


def roles_of(deps: Dependencies) -> AgentRoles:
    """The roles; raises EpisodeError where the dependencies were made without an LLM."""
    if deps.roles is None:
        raise EpisodeError("This episode needs an LLM, but none was started; name an LLM method when starting.")
    return deps.roles


def actor_input_of(deps: Dependencies, state: ActorState) -> ActorInput:
    """What the Actor is told for the step at hand."""
    known = deps.catalogue
    return ActorInput(
        observed=deps.observed(state),
        thought=state["thought"],
        analysis=CategoryAnalysis(tuple(state["lately"]), tuple(state["fresh"])),
        encouraged=tuple(known[e["item"]] for e in state["experiences"] if e["encouraged"]),
        discouraged=tuple(known[e["item"]] for e in state["experiences"] if not e["encouraged"]),
    )


def masked_items(deps: Dependencies, seen: Observation) -> set[int]:
    """What is not recommended now: what the user met, and what a live person's wish excludes."""
    met, wish = met_items(deps, seen), wish_of(seen)
    return met | not_wished(deps.catalogue, wish, met) if wish != Wish() else met


def met_items(deps: Dependencies, seen: Observation) -> set[int]:
    """The user's own history, and what was shown since all the rest was last through.

    A user of few items who stays meets them anew. Each of the two is a setting (`actor.mask_history`, `mask_shown`).
    """
    settings, items = deps.settings, len(deps.catalogue)
    own = masked_of(settings, {*deps.users.rated(seen["user"]), *seen["history"]}, items)
    shown = [*seen["wish"]["passed"], *(seen["recommended"] if settings.actor.mask_shown else [])]
    return own | set(shown[len(shown) - len(shown) % (items - len(own)) :])


def wish_of(seen: Observation) -> Wish:
    """What of a live person's wishes holds at the step at hand."""
    return wish_from(seen["wish"]).at(len(seen["recommended"]))


def step_seed(seen: Observation, context: EpisodeContext, purpose: str) -> int:
    """The seed of one use of chance in the step at hand; the same whatever ran beside it."""
    return seed_of(context.seed, seen["episode"], len(seen["recommended"]), purpose)


def seed_of(seed: int, episode: str, steps: int, purpose: str) -> int:
    """The seed of one use of chance after `steps` steps of the `episode` of that name, run with `seed`."""
    return call_seed(seed, episode, steps, purpose)
