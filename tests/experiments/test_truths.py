"""A finished run on CIFAR-10 shows its second figures, from the predictions that it stored."""

import json

import numpy as np
import pytest

from assay.data.datasets.catalog import load_dataset
from assay.data.datasets.cifar10_relabels import near_duplicates
from assay.evaluation.metrics import compute_metrics
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run
from assay.experiments.truths import read_truths

pytestmark = pytest.mark.data


@pytest.fixture
def run(recipe, data_root, tmp_path, monkeypatch) -> Run:
    """A run that is right on all images but the near-duplicates."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    images = load_dataset("cifar10", "test", data_root)
    classes = images.labels.copy()
    classes[near_duplicates()] = (classes[near_duplicates()] + 1) % 10
    logits = np.eye(10, dtype=np.float32)[classes]
    predictions = Predictions(logits, images.labels, np.arange(10_000), images.class_names, "cifar10/test")
    run = Run.create(recipe.override({"data.name": "cifar10"}), tmp_path / "runs")
    predictions.save(run.folder / "predictions" / "test.npz")
    run.write_json("results.json", {"test": compute_metrics(predictions).to_dict()})
    run.count_look("cifar10/test", by="train")
    return run


def test_runs_show_prints_one_line_and_takes_no_look(run, assay):
    n = 10_000 - len(near_duplicates())
    done = assay("runs", "show", run.folder)
    lines = [line for line in done.out.splitlines() if "near-duplicates" in line]
    assert lines == [
        f"cifar10/test: without near-duplicates of training images {read_truths(run, 'test').without_duplicates.text}"
    ]
    assert f"(n = {n:,})" in lines[0]
    assert len(run.looks) == 1


def test_json_has_the_second_figures(run, assay):
    values = json.loads(assay("runs", "show", run.folder, "--json").out)["sets"]["test"]["truths"]
    assert values["without_duplicates"]["accuracy"] == 1
    assert values["corrected_labels"] is values["people_agree"] is None


def test_other_data_has_no_second_figures(bars_run):
    assert read_truths(bars_run, "test") is None
