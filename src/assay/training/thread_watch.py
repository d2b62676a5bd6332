"""The ThreadWatch: fewer threads while other processes are busy, and all of them again when the machine is quiet.

The threads of a step wait for each other in every operation, so one busy neighbor can make two threads slower than one.
The watch times the run's own steps and tries other numbers of threads on them; no step is extra work.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isclose
from typing import Protocol

import torch

from assay.core.processor import CoreUse, CoreUseMeter

WINDOW_SECONDS, WINDOW_STEPS = 1.0, 3  # a rate is a mean over both, or over LONG_WINDOW_SECONDS
LONG_WINDOW_SECONDS = 2.0
TRIAL_SECONDS, TRIAL_STEPS = 0.3, 2  # for each number of threads, after a step of warm-up; or LONG_TRIAL_SECONDS
LONG_TRIAL_SECONDS = 1.0
# One of two threads has at least half of their speed, often two thirds: waiting for less than half would lose that.
FALL = 0.7
GAIN = 1.1  # another number of threads has to be this much faster
CLEARLY_SLOWER = 0.8  # then still fewer threads are not tried
BUSY_CORES = 0.25  # used by other processes, when no earlier speed of this run is known
IDLE_SHARE = 0.75  # of the cores that more threads would need
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds after a trial that changes nothing; they double each time


class Meter(Protocol):
    """Tells how busy the machine is."""

    def read(self) -> CoreUse | None:
        """The use of the cores since the last call, or None where it is unknown."""


@dataclass(frozen=True)
class ThreadChange:
    """The end of a trial that changed the threads, with the images/s of each number that was tried."""

    before: int
    after: int
    rates: dict[int, float]

    def text(self) -> str:
        """The change as one line for the user."""
        reason = "other processes are busy" if self.after < self.before else "there are idle cores"
        old, new = (f"{count} thread{'s' if count > 1 else ''}" for count in (self.before, self.after))
        return (
            f"{reason}: {self.rates[self.before]:,.0f} images/s with {old}, {self.rates[self.after]:,.0f} with {new}; "
            f"training continues with {new}"
        )


class ThreadWatch:
    """Watches the speed of a training, and changes the number of threads between steps.

    threads: their number now; maximum: the most that may be used. set_threads, clock, meter: replaced in tests.
    """

    def __init__(
        self, threads: int, maximum: int,
        set_threads: Callable[[int], None] = torch.set_num_threads,
        clock: Callable[[], float] = time.perf_counter,
        meter: Meter | None = None,
    ) -> None:  # fmt: skip
        self.threads, self.levels = threads, thread_levels(maximum)
        self.set_threads, self.clock, self.meter = set_threads, clock, meter or CoreUseMeter()
        self.cost, self.reference = 1.0, 0.0  # the best rate with these threads; 0 if there is none yet
        self.pause, self.pause_until = FIRST_PAUSE, 0.0
        self.window, self.trial = _Window(), None
        self.last = clock()

    trial: "_Trial | None"

    def begin_epoch(self, cost: float) -> None:
        """Start the clock at the first step of an epoch. cost: of its images, relative to full-size ones."""
        if not isclose(cost, self.cost):
            self.cost, self.reference = cost, 0.0
        self.window, self.last = _Window(), self.clock()
        self.meter.read()
        self.set_threads(self.trial.threads if self.trial else self.threads)

    def after_step(self, images: int) -> ThreadChange | None:
        """Count a step of that many images; returns a change of the threads after it, if there is one."""
        now = self.clock()
        seconds, self.last = now - self.last, now
        if self.trial:
            return self._continue_trial(images * self.cost, seconds)
        self.window.add(images * self.cost, seconds)
        if self.window.is_full:
            self._end_window()
        return None

    def _end_window(self) -> None:
        rate, use = self.window.rate, self.meter.read()
        self.window = _Window()
        levels = self._levels_to_try(rate, use) if self.last >= self.pause_until else []
        self.reference = max(self.reference, rate)
        if levels:
            self.trial = _Trial({self.threads: rate}, levels)
            self.set_threads(self.trial.threads)

    def _levels_to_try(self, rate: float, use: CoreUse | None) -> list[int]:
        """Fewer threads after a fall of the speed, or more where cores are idle; none if all seems well."""
        lower = [level for level in reversed(self.levels) if level < self.threads]
        is_busy_at_start = not self.reference and use is not None and use.foreign > BUSY_CORES
        if lower and (rate < FALL * self.reference or is_busy_at_start):
            return lower
        higher = [level for level in self.levels if level > self.threads][:1]
        if higher and (use is None or use.idle >= IDLE_SHARE * (higher[0] - self.threads)):
            return higher
        return []

    def _continue_trial(self, work: float, seconds: float) -> ThreadChange | None:
        trial = self.trial
        assert trial is not None
        trial.add(work, seconds)
        if not trial.is_over:
            self.set_threads(trial.threads)
            return None
        self.trial, before = None, self.threads
        fastest = max(trial.rates, key=lambda threads: trial.rates[threads])
        if trial.rates[fastest] >= GAIN * trial.rates[before]:
            self.threads, self.pause = fastest, FIRST_PAUSE
        self.set_threads(self.threads)
        self.reference = trial.rates[self.threads]
        self.pause_until = self.last + self.pause
        self.meter.read()
        if self.threads != before:
            return ThreadChange(before, self.threads, trial.rates)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
        return None


def thread_levels(maximum: int) -> list[int]:
    """The numbers of threads to choose from, ascending: powers of two, the maximum, and one less."""
    powers = [2**exponent for exponent in range(maximum.bit_length())]
    return sorted({*powers, maximum, max(1, maximum - 1)})


class _Window:
    """The rate over some steps."""

    def __init__(self) -> None:
        self.steps, self.work, self.seconds = 0, 0.0, 0.0

    def add(self, work: float, seconds: float) -> None:
        """Count a step."""
        self.steps, self.work, self.seconds = self.steps + 1, self.work + work, self.seconds + seconds

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.work / max(self.seconds, 1e-9)

    @property
    def is_full(self) -> bool:
        """Whether it is long enough to tell the speed."""
        is_long = self.seconds >= WINDOW_SECONDS and self.steps >= WINDOW_STEPS
        return is_long or self.seconds >= LONG_WINDOW_SECONDS


class _Trial:
    """Steps with other numbers of threads, one number after another, until one is clearly slower.

    rates: starts with the present number of threads and its rate.
    """

    def __init__(self, rates: dict[int, float], levels: list[int]) -> None:
        self.rates, self.levels = rates, levels
        self.window, self.is_warm = _Window(), False

    @property
    def threads(self) -> int:
        """The number that is tried now."""
        return self.levels[0]

    @property
    def is_over(self) -> bool:
        """Whether all numbers are tried."""
        return not self.levels

    def add(self, work: float, seconds: float) -> None:
        """Count a step. The first with each number of threads is a warm-up, unless it shows a much lower speed."""
        best = max(self.rates.values())
        is_hopeless = seconds >= TRIAL_SECONDS and work / seconds < best / 2
        if not self.is_warm and not is_hopeless:
            self.is_warm = True
            return
        self.window.add(work, seconds)
        is_long = self.window.seconds >= TRIAL_SECONDS and self.window.steps >= TRIAL_STEPS
        if not is_long and not is_hopeless and self.window.seconds < LONG_TRIAL_SECONDS:
            return
        rate, self.rates[self.threads] = self.window.rate, self.window.rate
        self.levels = self.levels[1:] if rate >= CLEARLY_SLOWER * best else []
        self.window, self.is_warm = _Window(), False
