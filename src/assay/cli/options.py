"""Options and words that several verbs share, with one spelling and one meaning."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.core.errors import UsageError, unknown

if TYPE_CHECKING:
    from assay.core.runtime import Runtime
    from assay.studies.engines import Engine

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object last.")]
RunsOption = Annotated[
    Path | None, typer.Option("--runs", help="The folder of all runs (default: $ASSAY_RUNS or ./runs).")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
PrecisionOption = Annotated[str, typer.Option(help="auto, bf16 (mixed) or fp32.")]
ThreadsOption = Annotated[int | None, typer.Option(help="CPU threads (default: all cores).")]
EngineOption = Annotated[str, typer.Option(help="local, stacked (runs alike train as one net), or ray (an extra).")]
AddressOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="A Ray cluster that is there already, for --engine ray.")
]
ScaleOption = Annotated[float | None, typer.Option(help="Share of the work: fewer epochs and images alike.")]
ReplicatesOption = Annotated[int | None, typer.Option(help="Seeds of every variant.")]
ProcessesOption = Annotated[int | None, typer.Option(help="Runs at once (default: one for each core).")]
MlflowOption = Annotated[bool, typer.Option(help="Mirror the runs to MLflow, where it is installed.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, its name, the start of it, or 'latest'.")
]


def choose_runtime(device: str, precision: str, threads: int | None) -> "Runtime":
    """The Runtime that the options ask for."""
    from assay.core.runtime import Runtime

    return Runtime.choose(device, precision, threads)


def choose_engine(
    engine: str, address: str | None, runtime: "Runtime", processes: int | None, mlflow: bool
) -> "Engine":
    """The engine that the options ask for. Raises UsageError, and MissingExtraError where it is not installed."""
    if engine == "ray":
        from assay.studies.engines.ray import Ray

        return Ray.choose(runtime, processes, address)
    from assay.studies.engines.stacked import DefaultEngine, Stacked

    engines = {"local": DefaultEngine, "stacked": Stacked}
    if engine not in engines:
        raise unknown("engine", engine, (*engines, "ray"))
    if address is not None:
        raise UsageError("--address is that of a Ray cluster; say --engine ray too")
    return engines[engine].choose(runtime, processes, mlflow)


def given(**values: Any) -> dict[str, Any]:
    """Those that were given."""
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
