"""Which of several ways to compute a training step is the fastest: interleaved rounds, and the least of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Candidate = TypeVar("Candidate")

ROUNDS = 10
HOPELESS = 3.0  # times the fastest warm-up, which includes one-time set-up
SLOWER = 1.3  # times the fastest step so far
# The default stays unless another candidate beats it by this factor, so that noise changes no bits ...
TIE = 1.03
FEW_ROUNDS, FEW_ROUNDS_TIE = 5, 1.1  # (after fewer rounds by this one)
WINS = 0.8  # ... and in this share of the rounds: on a noisy machine one lucky step says little


@dataclass(frozen=True)
class Timings(Generic[Candidate]):
    """seconds: of a step in each round, for each candidate; those that were dropped have fewer."""

    seconds: Mapping[Candidate, Sequence[float]]

    @property
    def least(self) -> dict[Candidate, float]:
        """The least seconds of a step for each candidate."""
        return {candidate: min(seconds) for candidate, seconds in self.seconds.items()}

    def fastest(self, default: Candidate) -> Candidate:
        """The candidate of the shortest step, or the default unless that one beats it surely."""
        best = min(self.seconds, key=lambda candidate: min(self.seconds[candidate]))
        return default if default in self.seconds and not self._beats(best, default) else best

    def _beats(self, candidate: Candidate, default: Candidate) -> bool:
        rounds = list(zip(self.seconds[candidate], self.seconds[default], strict=False))
        tie = TIE if len(rounds) >= FEW_ROUNDS else FEW_ROUNDS_TIE
        wins = sum(seconds < default_seconds for seconds, default_seconds in rounds)
        is_faster = self.least[default] > tie * self.least[candidate]
        return is_faster and wins >= WINS * len(rounds)


def time_candidates(
    candidates: Sequence[Candidate], time_step: Callable[[Candidate], float], budget_seconds: float
) -> Timings[Candidate]:
    """Time the steps of candidates against each other.

    time_step: trains a step and returns its seconds. Each candidate has one warm-up step. The others follow in
    interleaved rounds, so that a noisy neighbor hits all alike, until the budget is spent; every candidate that is not
    clearly slower by then has at least one.
    """
    warm_up = {candidate: time_step(candidate) for candidate in candidates}
    limit, total_seconds = HOPELESS * min(warm_up.values()), sum(warm_up.values())
    remaining = [candidate for candidate in candidates if warm_up[candidate] <= limit]
    times: dict[Candidate, list[float]] = {candidate: [] for candidate in remaining}
    for _ in range(ROUNDS):
        for candidate in remaining:
            times[candidate].append(time_step(candidate))
            total_seconds += times[candidate][-1]
        least = {candidate: min(seconds) for candidate, seconds in times.items()}
        remaining = [candidate for candidate in remaining if least[candidate] <= SLOWER * min(least.values())]
        if total_seconds >= budget_seconds or len(remaining) == 1:
            break
    return Timings(times)
