"""Engines: where the runs of a study run. Add one with `@engine("name")` on a function: see `base.py`."""

from assay.studies.engines.base import ENGINES, Engine, EngineOptions, Outcome, PruningEngine, engine

__all__ = ["ENGINES", "Engine", "EngineOptions", "Outcome", "PruningEngine", "engine"]


@engine("ray")
def ray_engine(options: EngineOptions) -> Engine:
    """Runs on the nodes of a Ray cluster, and plan asha by Ray Tune. Raises MissingExtraError without Ray."""
    from assay.studies.engines.ray.ray_engine import RayEngine  # only here: Ray is an extra

    return RayEngine.choose(options.runtime, options.processes, options.address)
