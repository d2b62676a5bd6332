"""`assay evaluate`: a further look at a finished run, counted."""

from typing import Annotated

import typer

from assay.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    RunArgument,
    RunsOption,
    ThreadsOption,
    choose_runtime,
)


def evaluate(
    run: RunArgument,
    data: Annotated[str, typer.Option(help="test, validation, a data set (its test set), or a folder.")] = "test",
    corruptions: Annotated[
        bool, typer.Option("--corruptions", help="Judge corrupted copies of the test set: 16 kinds, five severities.")
    ] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Evaluate a finished run once more; every look at a test set is counted and shown."""
    from assay.cli.show import show_entry, show_robustness
    from assay.experiments import train as verbs
    from assay.experiments.run import Run

    found, runtime = Run.find(run, runs), choose_runtime(device, precision, threads)
    if corruptions:
        show_robustness(found, *verbs.evaluate_corrupted(found, data, runtime=runtime), as_json)
        return
    entry = verbs.evaluate(found, data, runtime=runtime)
    show_entry(found, entry, as_json)
