"""The registry of engines: names, options and help."""

import pytest

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.studies.engines import ENGINES, EngineOptions
from assay.studies.engines.stacked import DefaultEngine, StackedEngine

RUNTIME = Runtime("cpu", "fp32", threads=1)


def test_an_engine_is_found_by_its_name():
    assert {"local", "ray", "stacked"} <= set(ENGINES)
    assert type(ENGINES["local"](EngineOptions(RUNTIME, 2))) is DefaultEngine
    assert ENGINES["stacked"](EngineOptions(RUNTIME, 2, mlflow=False)) == StackedEngine(RUNTIME, 2, mlflow=False)


@pytest.mark.parametrize("name", ["local", "stacked"])
def test_only_ray_has_an_address(name):
    with pytest.raises(UsageError, match="add --engine ray"):
        ENGINES[name](EngineOptions(RUNTIME, address="127.0.0.1:6379"))


def test_the_help_lists_every_engine(assay):
    text = " ".join(assay("study", "--help").out.split())
    assert all(name in text for name in ENGINES)
