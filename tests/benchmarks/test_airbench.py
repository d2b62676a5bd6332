"""What is read from airbench's own output, and when it cannot run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.task import synthetic

from benchmarks import airbench

TABLE = """\
|       3  |      6  |     0.9630  |   0.9312  |               |        2.1000  |
|          |      7  |     0.9700  |   0.9350  |               |        2.4000  |
|          |   eval  |     0.9700  |   0.9350  |       0.9412  |        2.5100  |
--------------------------------------------------------------------------------
"""


def test_a_run_is_read_from_its_table() -> None:
    assert airbench.read_table(TABLE) == {"seconds": 2.51, "accuracy": 0.9412, "plain_accuracy": 0.935}


def test_images_are_saved_as_airbench_loads_them(tmp_path: Path) -> None:
    images = synthetic(20)
    torch.save(airbench.as_saved(images), tmp_path / "train.pt")
    saved = torch.load(tmp_path / "train.pt")
    assert np.array_equal(saved["images"].permute(0, 3, 1, 2).numpy(), images.images)
    assert saved["labels"].dtype == torch.int64
    assert saved["classes"] == list(images.class_names)


def test_without_its_script_it_cannot_run(tmp_path: Path) -> None:
    assert "no checkout" in (airbench.why_not(None) or "")
    assert "airbench94_muon.py" in (airbench.why_not(tmp_path) or "")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_cannot_run(tmp_path: Path) -> None:
    (tmp_path / airbench.SCRIPT).write_text("")
    assert "GPU" in (airbench.why_not(tmp_path) or "")
