"""Metrics of a service for Prometheus: they contain no name, title or word of a person."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from billp.graphs.state import Transition, UsageState

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counts of one service since it started; open sessions and waiting episodes are passed when they are shown."""

    def __init__(self) -> None:
        self._registry = at = CollectorRegistry()
        self._requests = Histogram(
            "billp_request_seconds", "Time to answer", ["method", "route", "status"], registry=at, buckets=_SECONDS
        )
        self._nodes = Histogram("billp_node_seconds", "Time of a node", ["node"], registry=at, buckets=_SECONDS)
        self._tokens = Counter("billp_llm_tokens", "Tokens of finished sessions", ["kind"], registry=at)
        self._calls = Counter("billp_llm_calls", "LLM calls of finished sessions", registry=at)
        self._begun = Counter("billp_sessions_begun", "Sessions begun", ["arm"], registry=at)
        self._ended = Counter("billp_sessions_ended", "Sessions ended, by why", ["arm", "reason"], registry=at)
        self._stars = Histogram("billp_reward_stars", "Ratings", ["arm"], registry=at, buckets=(1, 2, 3, 4, 5))
        self._learned = Counter("billp_episodes_learned", "Episodes learned from", ["outcome"], registry=at)
        self._open = Gauge("billp_sessions_open", "Sessions that have not ended", registry=at)
        self._unlearned = Gauge("billp_episodes_unlearned", "Episodes that wait to be learned from", registry=at)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts an answered request."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def begun(self, arm: str) -> None:
        """Counts a session that began."""
        self._begun.labels(arm).inc()

    def stepped(self, arm: str, steps: Sequence[Transition]) -> None:
        """Counts rated items."""
        for step in steps:
            self._stars.labels(arm).observe(step["reward"])

    def ended(self, arm: str, reason: str, usage: UsageState) -> None:
        """Counts a session that ended."""
        self._ended.labels(arm, reason).inc()
        self._calls.inc(usage["calls"])
        self._tokens.labels("prompt").inc(usage["prompt_tokens"])
        self._tokens.labels("cached").inc(usage["cached_tokens"])
        self._tokens.labels("completion").inc(usage["completion_tokens"])

    def learned(self, *, well: bool) -> None:
        """Counts an episode that was learned from, or cannot be."""
        self._learned.labels("learned" if well else "failed").inc()

    def clock(self) -> NodeClock:
        """Returns a clock for one run of the graph."""
        return NodeClock(self._nodes)

    def shown(self, *, open_sessions: int, unlearned: int) -> bytes:
        """Returns the counts as Prometheus reads them."""
        self._open.set(open_sessions)
        self._unlearned.set(unlearned)
        return generate_latest(self._registry)


class NodeClock:
    """Times the nodes of a run, which run one after the other."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram, self._since = histogram, time.perf_counter()

    def done(self, node: str) -> None:
        """Records that the node is done."""
        now = time.perf_counter()
        self._histogram.labels(node).observe(now - self._since)
        self._since = now
