"""The command `assay` with one more named data set, the bars of conftest.py: for tests that need a real process."""

from pathlib import Path
from typing import Any

from assay.cli.main import main
from assay.data.datasets.registry import DATASETS
from assay.experiments import runtime_choice
from conftest import bars_dataset

runtime_choice.SHORTEST_RUN_SECONDS = float("inf")  # no test chooses its precision by the clock


def register() -> None:
    """Make the bars known in this process."""
    if "bars" not in DATASETS:
        DATASETS.add("bars")(bars_dataset())


def on_ray(env: dict[str, Any] | None) -> dict[str, Any]:
    """Ray's workers know the bars too, where $RAY_RUNTIME_ENV_HOOK is `assay_with_bars.on_ray`."""
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    return {**(env or {}), "env_vars": here, "worker_process_setup_hook": "assay_with_bars.register"}


register()
if __name__ == "__main__":  # a study's workers read this file too
    main()
