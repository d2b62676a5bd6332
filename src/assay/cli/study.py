"""`assay study`: run many variants of a recipe and compare them."""

from typing import Annotated

import typer

from assay.cli.options import (
    AddressOption,
    DeviceOption,
    EngineOption,
    MlflowOption,
    PrecisionOption,
    ProcessesOption,
    ReplicatesOption,
    RunsOption,
    ScaleOption,
    ThreadsPerRunOption,
    choose_engine,
    choose_runtime,
    drop_missing,
)


def study(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="A built-in study or a YAML file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would run.")] = False,
    scale: ScaleOption = None,
    replicates: ReplicatesOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    processes: ProcessesOption = None,
    fmt: Annotated[str, typer.Option("--format", help="text, markdown, latex, csv or json.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsPerRunOption = 1,
    mlflow: MlflowOption = True,
) -> None:
    """Run a study, or resume it: `assay study kth --scale 0.02`."""
    from assay.report.terminal import RunsProgress
    from assay.studies import runner
    from assay.studies.results import collect_rows
    from assay.studies.spec import read_study
    from assay.studies.study import Study
    from assay.studies.study_table import format_study

    spec = read_study(name, drop_missing(scale=scale, replicates=replicates))
    chosen_engine = choose_engine(engine, address, choose_runtime(device, precision, threads), processes, mlflow)
    if dry_run:
        adapted_spec = runner.adapt_to_engine(spec, chosen_engine)
        for line in runner.describe(Study.locate(adapted_spec, runs), chosen_engine):
            typer.echo(line)
        return
    result = runner.study(spec, engine=chosen_engine, runs=runs, progress=RunsProgress())
    typer.echo(format_study(collect_rows(result), fmt))
    runner.check_complete(result)
