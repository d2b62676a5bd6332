"""The largest batch that fits: found by doubling, within a budget, without a trace."""

import pytest
import torch

from assay.core.errors import AssayError, UsageError
from assay.core.runtime import Runtime
from assay.experiments.setup import set_up
from assay.training import batch_size
from assay.training.batch_size import largest_batch
from assay.training.checkpoint import copy_weights
from assay.training.distributed import ProcessGroup

FP32 = Runtime("cpu", "fp32", threads=1)
INF = float("inf")


def holds(most, tried=None):
    """A machine that has memory for so many images."""

    def step(size):
        if tried is not None:
            tried.append(size)
        if size > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0.0

    return step


@pytest.mark.parametrize(("memory", "found"), [(8, 8), (15, 8), (16, 16), (100, 64), (999, 512), (10_000, 1000)])
def test_it_doubles_until_memory_runs_out(memory, found):
    tried = []
    assert largest_batch(holds(memory, tried), 1000, 0, INF) == found
    assert tried == [8, 16, 32, 64, 128, 256, 512, 1000][: len(tried)]


@pytest.mark.parametrize(("limit", "found"), [(0, 8), (179, 8), (260, 16), (419, 16), (420, 32), (10**9, 5000)])
def test_within_a_budget_no_size_is_tried_that_would_exceed_it(limit, found):
    """Each image takes 10 bytes and everything else 100."""
    used = []

    def step(size):
        used.append(100 + 10 * size)
        return used[-1]

    assert largest_batch(step, 5000, 100, limit) == found
    assert max(used) <= max(limit, 180)


def test_few_training_images_are_one_batch():
    assert largest_batch(holds(100), 5, 0, INF) == 5


def test_where_not_even_the_first_size_fits_it_says_so():
    with pytest.raises(AssayError, match="not even 8 images fit into memory"):
        largest_batch(holds(7), 1000, 0, INF)


def test_another_error_is_not_hidden():
    def broken(size):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        largest_batch(broken, 1000, 0, INF)


AUTO = {"training.batch_size": "auto"}


def test_the_recipe_of_the_job_has_the_number(recipe, images):
    job = set_up(recipe.override(AUTO), FP32, images=images)
    assert job.recipe.training.batch_size == 180  # all training images: these are tiny
    assert job.trainer.recipe.training.batch_size == 180
    assert "training.batch_size: auto found 180, by doubling from 8 within" in job.text()


def test_the_search_leaves_no_trace(recipe, images):
    found, plain = (
        set_up(recipe.override({"training.batch_size": size}), FP32, images=images) for size in ("auto", 180)
    )
    mine, theirs = (copy_weights(job.trainer.state.net) for job in (found, plain))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert not found.trainer.state.optimizer.state
    assert all(p.grad is None for p in found.trainer.state.net.parameters())
    assert plain.batch_size_note == ""


def test_a_machine_that_does_not_tell_its_memory_needs_a_number(recipe, images, monkeypatch):
    monkeypatch.setattr(batch_size, "available_bytes", lambda: None)
    with pytest.raises(UsageError, match="cannot tell how much memory this machine has; give a number"):
        set_up(recipe.override(AUTO), FP32, images=images)


def test_several_processes_need_a_number(recipe, images):
    one = set_up(recipe, FP32, images=images).trainer
    one.process_group = ProcessGroup(0, 2)
    with pytest.raises(UsageError, match="auto is for one process"):
        batch_size.find_batch_size(one)
