"""Progress: a live bar on a terminal, plain lines elsewhere, and the same final line for each epoch."""

import io

from rich.console import Console

from assay.report import terminal as module
from assay.report.terminal import Live, Plain, epoch_line, progress, progress_bar
from assay.training.callbacks import Progress
from assay.training.history import Epoch

ROW = Epoch(2, 60.0, 0.1, 0.5, 0.8, 0.25, 0.9, 1234.5)
STEP = Progress(2, 10, 500, 1000, 0.5, 0.75, 1234.5, 3725)


def terminal() -> Console:
    return Console(force_terminal=True, file=io.StringIO(), width=150, legacy_windows=False, highlight=False)


def test_a_terminal_gets_the_bar_and_a_file_gets_lines():
    assert isinstance(progress(terminal()), Live)
    assert type(progress(Console(file=io.StringIO()))) is Plain


def test_an_epochs_line_has_losses_accuracies_speed_and_time_left():
    assert epoch_line(ROW, STEP, is_best=True) == (
        "epoch 2/10  train loss 0.5000 accuracy 80.00 %  validation loss 0.2500 accuracy 90.00 %  1,234 images/s  "
        "1h 02m left  *"
    )
    assert epoch_line(Epoch(1, 1, 0.1, 0.5, 0.8, None, None, 9.0), None, is_best=True) == (
        "epoch 1  train loss 0.5000 accuracy 80.00 %  9 images/s"
    )


def test_the_bar_shows_loss_accuracy_speed_and_time_left():
    console = terminal()
    callback = progress(console)
    callback.on_step(STEP)
    callback.bar.refresh()
    shown = console.file.getvalue()
    for words in ("epoch 2/10", "500/1000", "loss 0.5000", "accuracy 75.00 %", "1,234 images/s", "1h 02m left"):
        assert words in shown
    callback.on_close()


def test_the_bar_goes_and_the_epochs_line_stays():
    console = terminal()
    callback = progress(console)
    for _ in range(2):
        callback.on_step(STEP)
        callback.on_epoch_end(ROW, True)
    callback.on_close()
    callback.on_close()  # once more does no harm
    assert console.file.getvalue().count("train loss 0.5000") == 2
    assert "\x1b[?25h" in console.file.getvalue()  # the cursor is back
    assert callback.task is None


def test_off_a_terminal_a_long_epoch_says_something_now_and_then(monkeypatch):
    console, clock = Console(file=io.StringIO(), width=20), {"now": 0.0}
    monkeypatch.setattr(module.time, "monotonic", lambda: clock["now"])
    callback = Plain(console)
    for seconds in (10.0, 29.0, 31.0, 40.0, 62.0):
        clock["now"] = seconds
        callback.on_step(STEP)
    said = console.file.getvalue().splitlines()
    assert said == ["epoch 2/10   50%  loss 0.5000  1,234 images/s  1h 02m left"] * 2


def test_notes_are_printed_as_they_are():
    console = Console(file=io.StringIO(), width=20)
    Plain(console).on_message("run: runs/[bold]x[/bold]/a-rather-long-name")
    assert console.file.getvalue() == "run: runs/[bold]x[/bold]/a-rather-long-name\n"


def test_what_is_done_for_many_images_says_how_far_it_is(monkeypatch):
    console, now = terminal(), iter([0.0, 0.0, 0.5, 10.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    with progress_bar("computing features", True, console) as tell:
        tell(1, 400)  # half a second: what is quick needs no bar
        tell(100, 400)
    assert "computing features: 1 of" not in console.file.getvalue()
    assert "computing features: 100 of 400" in console.file.getvalue()
    assert "30s left" in console.file.getvalue()
