"""Durations are short, and the silent callback takes what a progress bar takes."""

import pytest

from assay.core.progress import duration, silent


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (44.6, "45s"), (59.6, "1m 00s"), (200, "3m 20s"), (3599.6, "1h 00m"), (7500, "2h 05m")],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_the_silent_callback_ignores_progress():
    silent(1, 2)
