"""Which of several ways to compute a training step is the fastest: interleaved rounds, and the minimum of each."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Candidate = TypeVar("Candidate")

ROUNDS = 10
HOPELESS = 3.0  # times the fastest warm-up, which includes one-time set-up
SLOWER = 1.3  # times the fastest step so far
TIE = 1.03  # the default stays unless another candidate beats it by this factor, so that noise changes no bits


def time_candidates(
    candidates: Sequence[Candidate], time_step: Callable[[Candidate], float], budget_seconds: float
) -> dict[Candidate, float]:
    """The least seconds of a step for each candidate that was timed to the end.

    time_step: trains a step and returns its seconds. Each candidate has one warm-up step. The others follow in
    interleaved rounds, so that a noisy neighbor hits all alike, until the budget is spent; every candidate that is not
    clearly slower by then has at least one.
    """
    warm_up = {candidate: time_step(candidate) for candidate in candidates}
    limit, total_seconds = HOPELESS * min(warm_up.values()), sum(warm_up.values())
    remaining = [candidate for candidate in candidates if warm_up[candidate] <= limit]
    times: dict[Candidate, float] = {}
    for _ in range(ROUNDS):
        for candidate in remaining:
            seconds = time_step(candidate)
            total_seconds += seconds
            times[candidate] = min(seconds, times.get(candidate, seconds))
        limit = SLOWER * min(times.values())
        remaining = [candidate for candidate in remaining if times[candidate] <= limit]
        if total_seconds >= budget_seconds or len(remaining) == 1:
            break
    return times


def fastest(times: dict[Candidate, float], default: Candidate) -> Candidate:
    """The candidate of the shortest step; the default if it is within a near tie."""
    best = min(times, key=lambda candidate: times[candidate])
    if default in times and times[default] <= TIE * times[best]:
        return default
    return best
