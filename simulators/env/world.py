"""Worlds: the simulated users of one split, what they would rate, and when they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from billp.errors import BadInputError
from billp.settings import QuitRuleName, Rounding, SimulatorSettings
from billp.simulators.quit.item_traits import CategorySets, ItemTraits
from billp.simulators.quit.reasons import LOW_REWARD, REPEAT, STAYS
from billp.simulators.quit.registry import code_of, rule_named
from billp.simulators.quit.rule import Past, QuitRule, Surroundings, notes_of, window_of
from billp.simulators.rating.accuracy import Accuracy
from billp.simulators.rating.base import Floats, Indices, RatingModel
from billp.simulators.rating.model_choice import ModelChoice

Split = Literal["train", "test"]

_BLOCK = 8192  # items judged at once: enough to forget what a call costs, few enough to stay in the cache
_STAYS, _LOW_REWARD, _REPEAT = (np.int8(code_of(reason)) for reason in (STAYS, LOW_REWARD, REPEAT))
_SAMPLED = 64  # items that say what a user rates on average


@dataclass(frozen=True, eq=False)
class QuitDecisions:
    """Whether users leave over recommendations, and why; arrays of one shape.

    `reasons` holds codes of REASON_NAMES, `too_close_to` the earlier item that was the cause or NO_ITEM, `notes` what
    the quit rule needs again with later recommendations.
    """

    reasons: NDArray[np.int8]
    too_close_to: NDArray[np.int64]
    notes: NDArray[np.float64]

    @property
    def stays(self) -> NDArray[np.bool_]:
        """Which users stay."""
        return np.asarray(self.reasons == _STAYS)


@dataclass(frozen=True, eq=False)
class World:
    """A part of a dataset's users, what they would rate, and when they leave.

    Users are given by their index in the dataset everywhere; `users` lists those of this world, ascending. `n_users`
    and `n_items` count the whole dataset, `interactions` the log rows that this world was fitted to, without sampled
    negatives. `beta` is a quantile of the distances between item vectors, kept whichever quit rule the settings name.
    """

    name: str
    split: Split
    n_users: int
    n_items: int
    users: NDArray[np.int32]
    interactions: int
    model: RatingModel
    categories: CategorySets
    beta: float
    settings: SimulatorSettings
    accuracy: Accuracy

    @cached_property
    def rule(self) -> QuitRule:
        """The quit rule of the settings."""
        return rule_named(self.settings.quit_rule).make(
            Surroundings(self.settings, self.traits, self.beta, self.n_users, self.usual)
        )

    @cached_property
    def traits(self) -> ItemTraits:
        """The item traits that the quit rule looks at."""
        return ItemTraits(self.vectors, self.categories)

    @property
    def vectors(self) -> Floats:
        """Item vectors, shape (n_items, d), whose distances the quit rule looks at."""
        return self.model.item_vectors

    @property
    def horizon(self) -> int:
        """Steps after which an episode is cut off."""
        return self.settings.horizon

    def reward(self, user: int, items: Sequence[int] | Indices) -> Floats:
        """Returns the rewards of `user` for `items`, shape (n,): by default whole stars from 1 to 5."""
        return self.paid(self.rated(user, items))

    def rewards(self, users: Indices, items: Indices) -> Floats:
        """Returns the rewards of the pairs (users[k], items[k]), shape (n,)."""
        return self.paid(self.ratings(users, items))

    def rated(self, user: int, items: Sequence[int] | Indices) -> Floats:
        """Returns the ratings that the model predicts of `user` for `items`, in stars from 1 to 5, shape (n,)."""
        return self.ratings(np.full(len(items), user), np.asarray(items, dtype=np.int64))

    def ratings(self, users: Indices, items: Indices) -> Floats:
        """Returns the predicted ratings of the pairs (users[k], items[k]), in stars from 1 to 5, shape (n,)."""
        return np.clip(self.model.predict(self.rows(users), items), np.float32(1), np.float32(5))

    def paid(self, ratings: Floats) -> Floats:
        """Returns the rewards for predicted ratings, rounded as `reward_rounding` says."""
        return _rounded(ratings, self.settings.reward_rounding)

    def judged(self, ratings: Floats) -> Floats:
        """Returns predicted ratings as the quit rule sees them, rounded as `judgement_rounding` says."""
        return _rounded(ratings, self.settings.judgement_rounding)

    def usual(self, users: Indices) -> NDArray[np.float64]:
        """Returns the mean rating of each of `users` over a sample of the catalogue, in the shape of `users`."""
        rows = self.rows(users)
        unknown = np.unique(rows[np.isnan(self._usual[rows])])
        if len(unknown):
            items = np.random.default_rng(self.settings.seed).integers(self.n_items, size=_SAMPLED)
            who = np.repeat(self.users[unknown], _SAMPLED)
            ratings = self.judged(self.ratings(who, np.tile(items, len(unknown))))
            self._usual[unknown] = ratings.reshape(-1, _SAMPLED).mean(axis=1, dtype=np.float64)
        return self._usual[rows]

    @cached_property
    def _usual(self) -> NDArray[np.float64]:
        """The values of `usual` computed so far, by row of the model; nan for the others."""
        return np.full(len(self.users), np.nan)

    def judge(
        self, users: Indices, past: Past, items: Indices, ratings: Floats, repeated: NDArray[np.bool_]
    ) -> QuitDecisions:
        """Returns whether `users` leave over `items`, shape S, with judged `ratings`, and why.

        The reasons are the rule's own and those that hold under every rule. Shapes are as in QuitRule; `repeated` says
        which items were shown before, which matters only without repeats.
        """
        said = self.rule.judge(past, users, items, ratings)
        own = np.int8(code_of(rule_named(self.settings.quit_rule).reason))
        reasons = np.where(ratings < self.rule.min_rating, _LOW_REWARD, _STAYS)
        reasons = np.where(said.leaves, own, reasons)
        if self.settings.repeats:
            return QuitDecisions(reasons, said.earlier, said.notes)
        return QuitDecisions(np.where(repeated, _REPEAT, reasons), np.where(repeated, items, said.earlier), said.notes)

    def past(self, user: int, shown: Sequence[int] | Indices) -> Past:
        """Returns what the quit rule looks back on after `shown` (oldest first), for one `user`; shape (1, window)."""
        window = self.rule.window
        if not self.rule.keeps_notes:
            return Past(window_of(shown, window), np.zeros((1, window)))
        before = np.asarray(shown, dtype=np.int64)
        ratings = self.judged(self.rated(user, before))
        notes = np.zeros(len(before))
        for step in range(len(before)):  # each note may depend on those before it
            past = Past(window_of(before[:step], window), notes_of(notes[:step], window))
            here = slice(step, step + 1)
            notes[step] = self.rule.judge(past, np.asarray([user]), before[here], ratings[here]).notes[0]
        return Past(window_of(before, window), notes_of(notes, window))

    def would_keep(self, user: int, shown: Sequence[int], items: Sequence[int] | Indices) -> NDArray[np.bool_]:
        """Returns which of `items` would not make `user` leave after `shown` (oldest first); shape (n,).

        It changes nothing. Items are judged in blocks, so the whole catalogue may be asked about.
        """
        asked, before = np.asarray(items, dtype=np.int64), np.asarray(shown, dtype=np.int64)
        past, users = self.past(user, before), np.asarray([user])
        keeps = np.empty(len(asked), dtype=bool)
        for start in range(0, len(asked), _BLOCK):
            block = asked[start : start + _BLOCK]
            ratings = self.judged(self.rated(user, block))
            verdicts = self.judge(users, past, block, ratings, np.isin(block, before))
            keeps[start : start + _BLOCK] = verdicts.stays
        return keeps

    def rows(self, users: Indices) -> Indices:
        """Returns the model's rows of the dataset's users; raises BadInputError for a user who is not in this world."""
        rows = np.searchsorted(self.users, users)
        strangers = self.users[np.minimum(rows, len(self.users) - 1)] != users
        if strangers.any():
            raise BadInputError(
                f"User {int(users[strangers.argmax()])} does not live in the {self.split} world of {self.name}; "
                "take one of its users."
            )
        return rows


@dataclass(frozen=True, eq=False)
class Worlds:
    """The train and the test world of a dataset, and the fingerprint of the dataset they were built from.

    `choice` says which rating model both use, and why; None if it was not recorded.
    """

    train: World
    test: World
    fingerprint: str
    choice: ModelChoice | None = None

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.train.name

    def cut_off(self, horizon: int) -> Worlds:
        """Returns the same worlds with episodes cut off after at most `horizon` steps."""

        def cut(world: World) -> World:
            shorter = world.settings.model_copy(update={"horizon": min(horizon, world.horizon)})
            return replace(world, settings=shorter)

        return replace(self, train=cut(self.train), test=cut(self.test))

    def quitting_by(
        self, quit_rule: QuitRuleName | None = None, repeats: bool | None = None, window: int | None = None
    ) -> Worlds:
        """Returns the same worlds under another quit rule or window, or with repeats allowed or not.

        None leaves a part unchanged, and no model is fitted again. `window` applies to the rule in force, whatever its
        setting is called.
        """
        rule = rule_named(quit_rule or self.train.settings.quit_rule)
        given = {"quit_rule": quit_rule, "repeats": repeats, rule.window: window}
        update = {name: value for name, value in given.items() if value is not None}

        def changed(world: World) -> World:
            return replace(world, settings=world.settings.model_copy(update=update))

        return replace(self, train=changed(self.train), test=changed(self.test))

    def split_of(self, user: int) -> Split:
        """Returns the split that the dataset's user `user` is in."""
        return "train" if user in self.train.users else "test"


def _rounded(ratings: Floats, rounding: Rounding) -> Floats:
    if rounding == "none":
        return ratings
    stars: Floats = np.floor(ratings + np.float32(0.5))
    return stars


def users_of(world: World, count: int, seed: int) -> list[int]:
    """Returns `count` users of the world, drawn with `seed`; a larger count continues the smaller one's list."""
    check_count(world.name, world.split, len(world.users), count)
    return [int(user) for user in np.random.default_rng(seed).permutation(world.users)[:count]]


def check_count(name: str, split: Split, held: int, count: int) -> None:
    """Raises BadInputError if `count` users are asked of the world `split` of `name`, which has `held` users."""
    if not 0 <= count <= held:
        raise BadInputError(
            f"The {split} world of {name} has {held} users and {count} were asked for; ask for at most {held}."
        )
