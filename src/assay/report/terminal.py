"""Progress in the terminal: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from assay.core.numbers import percent
from assay.core.progress import duration, silent
from assay.training.callbacks import Callback, Progress
from assay.training.history import Epoch

PLAIN_SECONDS = 30.0  # between lines within an epoch, off a terminal


def progress(console: Console | None = None) -> Callback:
    """The progress display for this console (default: standard error)."""
    console = console or Console(file=sys.stderr, highlight=False)
    return Live(console) if console.is_terminal and not console.is_jupyter else Plain(console)


class Plain(Callback):
    """Prints a line after each epoch, and every PLAIN_SECONDS within a long one."""

    def __init__(self, console: Console) -> None:
        self.console, self.last, self.latest = console, time.monotonic(), None
        self.counter: ImageCounter | None = None

    latest: Progress | None

    def on_progress(self, task: str, done: int, total: int) -> None:
        """A bar for counted images, put away when all are done."""
        if self.counter is None or self.counter.task != task:
            self.close_counter()
            self.counter = ImageCounter(task, self.console)
        self.counter.update(done, total)
        if done >= total:
            self.close_counter()

    def close_counter(self) -> None:
        """Put the bar for counted images away."""
        if self.counter is not None:
            self.counter.close()
            self.counter = None

    def on_close(self) -> None:
        """Put the bar for counted images away."""
        self.close_counter()

    def on_step(self, progress: Progress) -> None:
        """Print a line if the last one is older than PLAIN_SECONDS."""
        self.latest = progress
        if time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
            self.on_message(
                f"epoch {progress.epoch}/{progress.epochs}  {progress.images / progress.epoch_images:4.0%}  "
                f"loss {progress.loss:.4f}  {progress.images_per_second:,.0f} images/s  "
                f"{duration(progress.seconds_left)} left"
            )

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """Print the epoch's row."""
        self.last = time.monotonic()
        self.on_message(epoch_line(row, self.latest, is_best))

    def on_message(self, text: str) -> None:
        """Print the text."""
        self.console.print(text, soft_wrap=True, markup=False)


class Live(Plain):
    """Shows a bar for the current epoch below the lines of finished epochs."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.bar = Bar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}"),
            console=console,
            transient=True,
        )
        self.task: TaskID | None = None

    def on_step(self, progress: Progress) -> None:
        """Move the bar."""
        self.latest = progress
        now = (
            f"loss {progress.loss:.4f}  accuracy {percent(progress.accuracy)}  "
            f"{progress.images_per_second:,.0f} images/s  "
            f"{duration(progress.seconds_left)} left"
        )
        epoch = f"{progress.epoch}/{progress.epochs}"
        if self.task is None:
            self.bar.start()
            self.task = self.bar.add_task("", total=progress.epoch_images, epoch=epoch, now=now)
        self.bar.update(self.task, completed=progress.images, epoch=epoch, now=now)

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """Put the bar away and print the epoch's row."""
        self.on_close()
        super().on_epoch_end(row, is_best)

    def on_close(self) -> None:
        """Put the bars away."""
        super().on_close()
        self.bar.stop()
        if self.task is not None:
            self.bar.remove_task(self.task)
            self.task = None


def epoch_line(row: Epoch, latest: Progress | None, is_best: bool) -> str:
    """An epoch in one line: losses, accuracies, speed, time left, and whether it is the best so far."""
    parts = [
        f"epoch {row.epoch}/{latest.epochs}" if latest else f"epoch {row.epoch}",
        f"train loss {row.train_loss:.4f} accuracy {percent(row.train_accuracy)}",
    ]
    if row.validation_loss is not None and row.validation_accuracy is not None:
        parts.append(f"validation loss {row.validation_loss:.4f} accuracy {percent(row.validation_accuracy)}")
    parts.append(f"{row.images_per_second:,.0f} images/s")
    if latest:
        parts.append(f"{duration(latest.seconds_left)} left")
    return "  ".join(parts) + ("  *" if is_best and row.validation_loss is not None else "")


@contextmanager
def progress_bar(task: str, talks: bool, console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """Yields a function (done, total) that shows how many images are done. task: such as "reading images"."""
    counter = ImageCounter(task, console)
    try:
        yield counter.update if talks else silent
    finally:
        counter.close()


class ImageCounter:
    """How many images are done, as a bar that appears after a second."""

    def __init__(self, task: str, console: Console | None = None) -> None:
        self.task, self.bar, self.start = task, RunsProgress(console), time.monotonic()

    def update(self, done: int, total: int) -> None:
        """Show the number."""
        seconds = time.monotonic() - self.start
        if seconds > 1:  # fast tasks need no bar
            text = f"{self.task}: {done:,} of {total:,}"
            self.bar.update(done / total, text, seconds * (total - done) / done)

    def close(self) -> None:
        """Put the bar away."""
        self.bar.close()


class RunsProgress:
    """Progress of several runs together: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr, highlight=False)
        self.bar = Bar(
            TextColumn("{task.fields[text]}"), BarColumn(bar_width=30), TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[left]}"), console=self.console, transient=True,
            disable=not self.console.is_terminal,
        )  # fmt: skip
        self.task = self.bar.add_task("", total=1.0, text="", left="")
        self.last = time.monotonic()

    def on_message(self, text: str) -> None:
        """Print a line that stays."""
        self.console.print(text, soft_wrap=True, markup=False)

    def update(self, done: float, text: str, seconds_left: float | None) -> None:
        """Show progress. done: share of all the work, 0 to 1."""
        left = "" if seconds_left is None else f"{duration(seconds_left)} left"
        self.bar.start()
        self.bar.update(self.task, completed=done, text=text, left=left)
        if not self.console.is_terminal and time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
            self.on_message(f"{text}, {done:.0%} of the work  {left}".rstrip())

    def close(self) -> None:
        """Put the bar away."""
        self.bar.stop()
