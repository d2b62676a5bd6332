"""Options and arguments that several verbs share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.core.errors import UsageError

if TYPE_CHECKING:
    from assay.core.runtime import Runtime
    from assay.studies.engines import Engine

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object last.")]
RunsOption = Annotated[
    Path | None, typer.Option("--runs", help="The folder of all runs (default: $ASSAY_RUNS or ./runs).")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
PrecisionOption = Annotated[str, typer.Option(help="auto (the faster for this net), bf16 (mixed) or fp32.")]
ThreadsOption = Annotated[int | None, typer.Option(help="CPU threads (default: all, fewer while others work).")]
ThreadsPerRunOption = Annotated[int | None, typer.Option(help="CPU threads of each run.")]
EngineOption = Annotated[
    str, typer.Option(help="local, stacked (equal architectures train as one net), or ray (needs the extra).")
]
AddressOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="A running Ray cluster, for --engine ray.")
]
ScaleOption = Annotated[float | None, typer.Option(help="Share of the work: fewer epochs and fewer images.")]
ReplicatesOption = Annotated[int | None, typer.Option(help="Number of seeds per variant.")]
ProcessesOption = Annotated[int | None, typer.Option(help="Runs at once (default: one per core).")]
MlflowOption = Annotated[bool, typer.Option(help="Mirror the runs to MLflow, if installed.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, its name, the start of its name, or 'latest'.")
]


def choose_runtime(device: str, precision: str, threads: int | None) -> "Runtime":
    """The Runtime that the options ask for."""
    from assay.core.runtime import Runtime

    return Runtime.choose(device, precision, threads)


def choose_engine(
    engine: str, address: str | None, runtime: "Runtime", processes: int | None, mlflow: bool
) -> "Engine":
    """The engine that the options ask for. Raises UsageError, and MissingExtraError where its extra is missing."""
    from assay.studies.engines import ENGINES, EngineOptions

    return ENGINES[engine](EngineOptions(runtime, processes, mlflow, address))


def drop_missing(**values: Any) -> dict[str, Any]:
    """The options that the user gave."""
    return {key: value for key, value in values.items() if value is not None}


def parse_changes(words: list[str]) -> dict[str, Any]:
    """`["optimizer.lr=0.1"]` to `{"optimizer.lr": 0.1}`; values are YAML. Raises UsageError."""
    import yaml

    changes = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"'{word}' is not of the form key=value, such as training.epochs=5")
        try:
            changes[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"{word}: the value is not valid YAML: {error}") from None
    return changes
