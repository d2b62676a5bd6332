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
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Evaluate a finished run once more; every look at a test set is counted and shown."""
    from assay import verbs
    from assay.cli.show import show_entry
    from assay.run import Run

    found = Run.find(run, runs)
    entry = verbs.evaluate(found, data, runtime=choose_runtime(device, precision, threads))
    show_entry(found, entry, as_json)
