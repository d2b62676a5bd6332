"""Loading a run for predictions imports little: no training loop, no plots, no tracking."""

import json
import subprocess
import sys

import pytest

FORBIDDEN = ("assay.training.trainer", "assay.report", "assay.experiments.tracking", "matplotlib", "mlflow", "rich")


@pytest.fixture(scope="module")
def modules() -> list[str]:
    """The modules of a fresh process that has imported `load`."""
    code = "import sys, json, assay.experiments.load; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return json.loads(output)


def test_load_imports_fewer_than_eighty_modules_of_assay(modules):
    names = [name for name in modules if name.startswith("assay.")]
    assert len(names) < 80, names


def test_load_imports_no_training_loop_no_plots_and_no_tracking(modules):
    assert [name for name in modules if name.startswith(FORBIDDEN)] == []
