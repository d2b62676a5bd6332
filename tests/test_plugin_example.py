"""The plug-in in examples/plugin, installed as a package: its names are listed, and a recipe trains with them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import assay

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


@pytest.fixture(scope="module")
def run_assay(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs the command in a process that has the plug-in installed; returns what it prints."""
    site, work = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("work")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(PLUGIN)], check=True)
    paths = os.pathsep.join([str(site), str(Path(assay.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200", "ASSAY_DATA": str(work / "data")}

    def run(*words: object) -> str:
        command = [sys.executable, "-m", "assay", *map(str, words)]
        done = subprocess.run(command, cwd=work, env=environment, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_its_net_and_its_data_set_are_listed(run_assay):
    assert "stripe-net" in run_assay("models", "list")
    assert "stripes" in run_assay("data", "list")
    assert "globalavgpool" in run_assay("models", "show", "stripe-net")


def test_a_recipe_uses_its_net_data_set_and_schedule(run_assay):
    run_assay("train", PLUGIN / "recipe.yaml", "--threads", "1", "--no-mlflow")
    shown = run_assay("runs", "show", "latest")
    assert "square-root" in shown
    assert "stripes/test" in shown
