"""The page of a GPU benchmark, from numbers made up by hand."""

import pytest
import scipy.stats

from benchmarks import gpu_page

ENVIRONMENT = {"device_name": "GPU", "precision": "bf16", "system": "Linux", "versions": {"torch": "2"}}


def runs(seconds: float, *accuracies: float) -> list[dict]:
    return [{"accuracy": a, "plain_accuracy": a - 0.01, "seconds": seconds} for a in accuracies]


def test_the_interval_is_students() -> None:
    values = [0.94, 0.941, 0.938, 0.9395]
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert gpu_page.interval(values)[1:] == pytest.approx((expected.low, expected.high))


def test_the_page_gives_the_ratio_of_the_times() -> None:
    items = {gpu_page.FAST: runs(2.0, 0.94, 0.941), gpu_page.RIVAL: runs(2.5, 0.94, 0.94)}
    text = gpu_page.page({"environment": ENVIRONMENT, "toy": False, "items": items})
    assert "medians: 0.800" in text
    assert "| fast/cifar10-94 | 2 | 94.05" in text


def test_a_projected_time_is_called_so() -> None:
    item = {"epochs": 3, "of": 300, "images_per_second": 1e5, "train_seconds": 2.0, "projected_seconds": 200.0}
    text = gpu_page.page({"environment": ENVIRONMENT, "toy": False, "items": {"kth/3.2": item}})
    assert "| kth/3.2 | 3 of 300 | 100,000 | 200 projected | – |" in text


def test_what_was_skipped_is_listed_with_its_reason() -> None:
    text = gpu_page.page({"environment": ENVIRONMENT, "toy": False, "items": {"x": {"skipped": "no GPU"}}})
    assert "- x: no GPU" in text
