"""Every script in examples/ runs as it stands."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_your_arrays_are_learned(tmp_path: Path) -> None:
    run = runpy.run_path(str(EXAMPLES / "your_arrays.py"))["main"](runs=tmp_path)
    assert run.results["test"]["accuracy"] > 0.9


@pytest.mark.data
def test_your_module_trains_on_fashion_mnist(tmp_path: Path, data_root: Path) -> None:
    run = runpy.run_path(str(EXAMPLES / "your_module.py"))["main"](runs=tmp_path)
    assert run.results["test"]["accuracy"] > 0.75


@pytest.mark.data
def test_the_study_gives_a_verdict_for_each_variant(tmp_path: Path, data_root: Path) -> None:
    verdicts = runpy.run_path(str(EXAMPLES / "run_study.py"))["main"](tmp_path)
    assert list(verdicts) == ["plain", "batch norm"]
    assert verdicts["batch norm"] in ("real", "inside the noise", "not shown")
