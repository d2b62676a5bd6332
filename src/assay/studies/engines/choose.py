"""The engines by name, for the command line."""

from assay.errors import unknown
from assay.runtime import Runtime
from assay.studies.engines import Engine
from assay.studies.engines.local import Local
from assay.studies.engines.stacked import Stacked

ENGINES: dict[str, type[Local]] = {"local": Local, "stacked": Stacked}


def choose_engine(name: str, runtime: Runtime, processes: int | None, mlflow: bool) -> Engine:
    """The engine of that name. Raises UsageError."""
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    return ENGINES[name].choose(runtime, processes, mlflow)
