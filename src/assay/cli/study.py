"""`assay study`: many runs with a reason, and what their differences are worth."""

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
    ThreadsOption,
    choose_engine,
    choose_runtime,
    given,
)


def study(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="A built-in study or a YAML file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run.")] = False,
    scale: ScaleOption = None,
    replicates: ReplicatesOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    processes: ProcessesOption = None,
    form: Annotated[str, typer.Option("--format", help="text, markdown, latex, csv or json.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = 1,
    mlflow: MlflowOption = True,
) -> None:
    """Run a study, or go on with it: `assay study kth --scale 0.02`."""
    from assay.studies import results as table
    from assay.studies import runner as conduct
    from assay.studies.spec import read_study
    from assay.studies.study import Study

    spec = read_study(name).changed(given(scale=scale, replicates=replicates))
    where = choose_engine(engine, address, choose_runtime(device, precision, threads), processes, mlflow)
    if dry_run:
        for line in conduct.announce(Study.planned(conduct.suited(spec, where), runs), where):
            typer.echo(line)
        return
    found = conduct.study(spec, engine=where, runs=runs)
    typer.echo(table.written(table.rows(found), form))
    conduct.check_complete(found)
