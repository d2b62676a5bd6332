"""The tables beside busy neighbors: rates from a log of steps, and the goals in words."""

import pytest

from benchmarks import busy, choice

CELLS = {
    "two-conv | assay": {"rates": {"quiet": 350.0, "one busy": 180.0, "two busy": 90.0, "quiet again": 340.0}},
    "two-conv | assay, 1 thread": {"rates": {"quiet": 200.0, "one busy": 195.0, "two busy": None}},
    "two-conv | assay, 2 threads": {"rates": {"quiet": 350.0, "one busy": 110.0, "two busy": 60.0}},
}


def test_a_log_of_steps_is_read_without_its_incomplete_last_line(tmp_path):
    (tmp_path / "log").write_text("# 1.0 on cpu, 2 threads, fp32\nprinted by a library\n1.0 16\n2.0 32\n3.0 4")
    assert busy.read_log(tmp_path / "log") == ([(1.0, 16), (2.0, 32)], ["1.0 on cpu, 2 threads, fp32"])


def test_a_rate_counts_the_images_between_the_first_and_the_last_step():
    steps = [(0.0, 100), (1.0, 200), (2.0, 260), (3.0, 300), (9.0, 900)]
    assert busy.rate(steps, 0.5, 3.5) == pytest.approx((300 - 200) / 2)
    assert busy.rate(steps, 4, 5) is None


def test_the_page_names_the_processor_and_states_the_goals():
    text = busy.page({"machine": "AMD EPYC, 2 cores.", "cells": CELLS})
    assert "AMD EPYC, 2 cores." in text
    assert "| assay, 1 thread | 200 | 195 | – | – |" in text
    assert "two-conv: beside one busy process 0.90 of one quiet thread (goal 0.85); quiet 1.00 of the fastest" in text


def test_the_choice_is_compared_with_the_best_round_of_each_candidate():
    cell = {
        "choice": "fp32 channels_last 2 threads", "source": "measured", "seconds": 1.9, "milliseconds": {},
        "rates": {"fp32 channels_last 2 threads": [97.0, 98.0], "fp32 contiguous 2 threads": [100.0, 60.0]},
    }  # fmt: skip
    assert choice.share_of_best(cell) == pytest.approx(0.98)
    text = choice.page({"machine": "AMD EPYC, 2 cores.", "cells": {"two-conv": cell}})
    assert "two-conv: fp32 channels_last 2 threads, measured in 1.9 s; 0.98 of the fastest (goal 0.97)" in text
