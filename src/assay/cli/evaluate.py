"""`assay evaluate`: evaluate a finished run again."""

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
        bool, typer.Option("--corruptions", help="Evaluate on corrupted copies of the test set, at five severities.")
    ] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Evaluate a finished run again. Every look at a test set is counted and shown."""
    from assay.cli.show import show_entry, show_robustness
    from assay.experiments import evaluate as verbs
    from assay.experiments.run import Run
    from assay.report.terminal import progress_bar

    evaluated_run, runtime = Run.find(run, runs), choose_runtime(device, precision, threads)
    with progress_bar("reading images", talks=True) as progress:
        if corruptions:
            robustness = verbs.evaluate_corrupted(evaluated_run, data, runtime=runtime, progress=progress)
        else:
            entry = verbs.evaluate(evaluated_run, data, runtime=runtime, progress=progress)
    if corruptions:
        show_robustness(evaluated_run, *robustness, as_json)
        return
    show_entry(evaluated_run, entry, as_json)
