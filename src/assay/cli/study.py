"""`assay study`: many runs with a reason, and what their differences are worth."""

from typing import Annotated

import typer

from assay.cli.options import (
    AddressOption,
    DeviceOption,
    EngineOption,
    PrecisionOption,
    RunsOption,
    ThreadsOption,
    choose_engine,
    choose_runtime,
)


def study(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="A built-in study or a YAML file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run.")] = False,
    scale: Annotated[float | None, typer.Option(help="Share of the work: fewer epochs and images alike.")] = None,
    replicates: Annotated[int | None, typer.Option(help="Seeds of every variant.")] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    processes: Annotated[int | None, typer.Option(help="Runs at once (default: one for each core).")] = None,
    form: Annotated[str, typer.Option("--format", help="text, markdown, latex, csv or json.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = 1,
    mlflow: Annotated[bool, typer.Option(help="Mirror the runs to MLflow, where it is installed.")] = True,
) -> None:
    """Run a study, or go on with it: `assay study batch-norm`."""
    from assay.studies import conduct, table
    from assay.studies.spec import read_study
    from assay.studies.study import Study

    changes = {"scale": scale, "replicates": replicates}
    spec = read_study(name).changed({key: value for key, value in changes.items() if value is not None})
    where = choose_engine(engine, address, choose_runtime(device, precision, threads), processes, mlflow)
    if dry_run:
        for line in conduct.announce(Study.planned(conduct.suited(spec, where), runs), where):
            typer.echo(line)
        return
    found = conduct.study(spec, engine=where, runs=runs)
    typer.echo(table.written(table.rows(found), form))
    conduct.check_complete(found)
