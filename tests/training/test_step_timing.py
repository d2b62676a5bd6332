"""The fastest candidate is found by interleaved rounds within a budget, and a near tie keeps the default."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from assay.training.step_timing import FEW_ROUNDS, ROUNDS, Timings, time_candidates


def script(seconds: dict[str, list[float]]) -> tuple[Callable[[str], float], list[str]]:
    """A stand-in for timing: the seconds of each candidate's steps, the last for ever; and the calls."""
    calls: list[str] = []
    steps: dict[str, Iterator[float]] = {name: chain(values, repeat(values[-1])) for name, values in seconds.items()}

    def time_step(name: str) -> float:
        calls.append(name)
        return next(steps[name])

    return time_step, calls


def test_a_warm_up_does_not_count():
    timings = time_candidates("ab", script({"a": [0.9, 0.1], "b": [0.4, 0.2]})[0], 10)
    assert timings.least == {"a": 0.1, "b": 0.2}


def test_a_noisy_neighbor_in_some_rounds_does_not_decide():
    timings = time_candidates("ab", script({"a": [0.1, 0.115, 0.1], "b": [0.12, 0.11, 0.11]})[0], 10)
    assert timings.fastest("b") == "a"


def test_rounds_are_interleaved():
    time_step, calls = script({"a": [0.1], "b": [0.1]})
    time_candidates("ab", time_step, 0.6)
    assert "".join(calls) == "ababab"


def test_a_candidate_that_is_hopeless_in_its_warm_up_is_never_timed_again():
    time_step, calls = script({"fast": [0.1], "slow": [5.0]})
    timings = time_candidates(["fast", "slow"], time_step, 100)
    assert calls.count("slow") == 1
    assert timings.least == {"fast": 0.1}


def test_a_candidate_that_is_clearly_slower_after_one_step_is_dropped():
    time_step, calls = script({"a": [0.1], "b": [0.1], "c": [0.14]})
    time_candidates("abc", time_step, 100)
    assert calls.count("c") == 2
    assert calls.count("a") == 1 + ROUNDS


@pytest.mark.parametrize("step", [0.01, 0.1, 0.6])
def test_the_budget_is_overrun_by_one_round_at_most(step):
    time_step, calls = script({"a": [step], "b": [step]})
    timings = time_candidates("ab", time_step, 1.0)
    assert set(timings.seconds) == {"a", "b"}
    assert len(calls) * step <= max(1.0 + 2 * step, 4 * step) + 1e-9


def timings(default: float, other: float, rounds: int = ROUNDS) -> Timings[str]:
    """Steps that always take the same time."""
    return Timings({"default": [default] * rounds, "other": [other] * rounds})


def test_a_near_tie_keeps_the_default():
    assert timings(0.1029, 0.1).fastest("default") == "default"
    assert timings(0.1031, 0.1).fastest("default") == "other"


def test_after_few_rounds_it_takes_more_to_replace_the_default():
    assert timings(0.109, 0.1, FEW_ROUNDS - 1).fastest("default") == "default"
    assert timings(0.111, 0.1, FEW_ROUNDS - 1).fastest("default") == "other"


def test_one_lucky_step_does_not_replace_the_default():
    default = [0.1] * ROUNDS
    assert Timings({"default": default, "other": [0.09] + [0.11] * (ROUNDS - 1)}).fastest("default") == "default"
    assert Timings({"default": default, "other": [0.09] * (ROUNDS - 2) + [0.11] * 2}).fastest("default") == "other"


def test_a_default_that_was_dropped_is_not_taken():
    assert Timings({"other": [0.1]}).fastest("default") == "other"
