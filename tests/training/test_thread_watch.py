"""The watch of the threads, beside a simulated machine: time passes by the rates that it states."""

import pytest

from assay.core.processor import CoreUse
from assay.training.thread_watch import ThreadWatch, thread_levels


class Machine:
    """Steps of `images` images at a rate that depends on the threads and the busy neighbors; it is clock and meter."""

    def __init__(self, rates: dict[int, list[float]], images: int = 10, knows_cores: bool = True) -> None:
        self.rates, self.images, self.knows_cores = rates, images, knows_cores
        self.now, self.neighbors, self.threads = 0.0, 0, max(rates)
        self.trained = 0.0

    def clock(self) -> float:
        return self.now

    def read(self) -> CoreUse | None:
        if not self.knows_cores:
            return None
        return CoreUse(max(0.0, max(self.rates) - self.threads - self.neighbors), float(self.neighbors))

    def set_threads(self, threads: int) -> None:
        self.threads = threads

    def watch(self, threads: int | None = None) -> ThreadWatch:
        maximum = max(self.rates)
        watch = ThreadWatch(threads or maximum, maximum, self.set_threads, self.clock, self)
        watch.begin_epoch(1.0)
        return watch

    def train(self, watch: ThreadWatch, seconds: float, neighbors: int = 0) -> list[str]:
        """Train for that long; returns the messages."""
        messages, end, self.neighbors = [], self.now + seconds, neighbors
        while self.now < end:
            self.now += self.images / self.rates[self.threads][self.neighbors]
            self.trained += self.images
            change = watch.after_step(self.images)
            if change:
                messages.append(change.text())
        return messages


# images/s with no, one and two busy neighbors, as measured on an Intel Xeon with two cores
INTEL = {1: [195, 195, 98], 2: [358, 115, 60]}


def test_a_quiet_training_keeps_all_threads():
    machine = Machine(INTEL)
    watch = machine.watch()
    assert machine.train(watch, 600) == []
    assert machine.trained == pytest.approx(600 * 358, rel=1e-3)


@pytest.mark.parametrize("images", [1, 10, 128])
@pytest.mark.parametrize("knows_cores", [True, False])
def test_beside_a_busy_neighbor_the_speed_of_one_thread_returns_within_twenty_seconds(images, knows_cores):
    machine = Machine(INTEL, images, knows_cores)
    watch = machine.watch()
    machine.train(watch, 60)
    machine.train(watch, 20, neighbors=1)
    machine.trained, start = 0.0, machine.now
    machine.train(watch, 120, neighbors=1)
    assert machine.trained / (machine.now - start) >= 0.85 * 195


def test_when_the_neighbor_has_gone_all_threads_are_used_again():
    machine = Machine(INTEL)
    watch = machine.watch()
    machine.train(watch, 60)
    (down,) = machine.train(watch, 60, neighbors=1)
    assert down == (
        "other processes are busy: 115 images/s with 2 threads, 195 with 1 thread; training continues with 1 thread"
    )
    (up,) = machine.train(watch, 20)
    assert (
        up == "there are idle cores: 195 images/s with 1 thread, 358 with 2 threads; training continues with 2 threads"
    )
    machine.trained, start = 0.0, machine.now
    machine.train(watch, 60)
    assert machine.trained / (machine.now - start) == pytest.approx(358, rel=1e-3)


def test_a_training_that_starts_beside_a_busy_neighbor_takes_fewer_threads_at_once():
    machine = Machine(INTEL)
    watch = machine.watch()
    machine.train(watch, 5, neighbors=1)
    assert watch.threads == 1


def test_a_fall_that_is_not_the_threads_fault_changes_nothing_and_is_tried_once():
    """As when more layers are unfrozen: every number of threads is slower."""
    machine = Machine({1: [200, 66], 2: [360, 120]})
    machine.read = lambda: CoreUse(0, 0)
    watch, calls = machine.watch(), []
    machine.train(watch, 30)
    watch.set_threads = lambda threads: (calls.append(threads), machine.set_threads(threads))
    assert machine.train(watch, 300, neighbors=1) == []
    assert watch.threads == 2
    assert calls.count(1) <= 4  # the steps of one trial


def test_a_net_that_more_threads_slow_down_rarely_tries_them():
    machine = Machine({1: [1000], 2: [700]}, images=16)
    watch = machine.watch(threads=1)
    assert machine.train(watch, 600) == []
    assert machine.trained >= 0.99 * 600 * 1000


def test_with_eight_cores_and_a_neighbor_one_thread_less_is_enough():
    machine = Machine({8: [800, 300], 7: [700, 700], 4: [400, 400], 2: [200, 200], 1: [100, 100]})
    watch = machine.watch()
    machine.train(watch, 30)
    machine.train(watch, 20, neighbors=1)
    assert watch.threads == 7


def test_an_epoch_of_smaller_images_is_not_taken_for_a_faster_machine():
    machine = Machine({1: [200], 2: [360]})
    watch, tried = machine.watch(), []
    watch.begin_epoch(0.25)
    machine.train(watch, 30)
    watch.set_threads = tried.append
    watch.begin_epoch(1.0)
    tried.clear()
    machine.rates = {1: [80], 2: [100]}  # four times the work, and more
    machine.train(watch, 30)
    assert tried == []


@pytest.mark.parametrize(
    ("maximum", "levels"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 3, 4]), (6, [1, 2, 4, 5, 6]), (8, [1, 2, 4, 7, 8])]
)
def test_the_numbers_of_threads_to_choose_from(maximum, levels):
    assert thread_levels(maximum) == levels


def test_time_between_epochs_is_no_time_of_a_step():
    machine = Machine(INTEL)
    watch = machine.watch()
    machine.train(watch, 30)
    for _ in range(5):
        machine.now += 100  # validation
        watch.begin_epoch(1.0)
        assert machine.train(watch, 5) == []
