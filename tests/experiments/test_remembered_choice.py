"""A choice is remembered for its machine, net, batch size and torch; a damaged file is ignored."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from assay.core.folders import machine_cache
from assay.core.runtime import Runtime
from assay.experiments import remembered_choice
from assay.experiments.remembered_choice import choice_key, recall, remember

OPEN = Runtime("cpu", "fp32", threads=2, measures_precision=True, measures_threads=True, max_threads=2)
MEASURED = Runtime("cpu", "bf16", threads=1, channels_last=False, max_threads=2)
SHAPE = (3, 8, 8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own."""
    monkeypatch.setattr(remembered_choice, "machine_cache", lambda: tmp_path / "machine")
    return tmp_path / "machine"


def net(filters: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, filters, 3), nn.Flatten(), nn.Linear(filters * 36, 2))


def key(batch_size: int = 32, runtime: Runtime = OPEN, filters: int = 4):
    return choice_key(net(filters), SHAPE, batch_size, runtime)


def test_a_choice_comes_back():
    remember(key(), MEASURED, with_threads=True)
    assert recall(key(), OPEN) == MEASURED


def test_threads_of_a_busy_machine_are_measured_again():
    remember(key(), MEASURED, with_threads=False)
    runtime = recall(key(), OPEN)
    assert (runtime.precision, runtime.measures_precision) == ("bf16", False)
    assert (runtime.threads, runtime.measures_threads) == (2, True)


def test_it_holds_for_the_same_net_batch_size_torch_and_options_only(monkeypatch):
    remember(key(), MEASURED, with_threads=True)
    for other in (key(batch_size=64), key(filters=5), key(runtime=MEASURED)):
        assert recall(other, OPEN) == OPEN
    monkeypatch.setattr(torch, "__version__", "1.0")
    assert recall(key(), OPEN) == OPEN


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": {}, "choice": {}}', "\\x00", '{"choice": null, "key": 1}'])
def test_a_damaged_file_is_ignored(cache, content):
    remember(key(), MEASURED, with_threads=True)
    (path,) = cache.iterdir()
    path.write_text(content)
    assert recall(key(), OPEN) == OPEN


def test_values_that_cannot_be_are_ignored(cache):
    remember(key(), MEASURED, with_threads=True)
    (path,) = cache.iterdir()
    path.write_text(path.read_text().replace('"bf16"', '"fp8"'))
    assert recall(key(), OPEN) == OPEN


def test_a_cache_that_cannot_be_written_is_ignored(cache):
    cache.write_text("a file where the folder should be")
    remember(key(), MEASURED, with_threads=True)
    assert recall(key(), OPEN) == OPEN


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))  # data may lie on a shared disk; what a machine can do may not
    assert tmp_path not in machine_cache().parents
