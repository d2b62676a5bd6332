"""The command `assay`: its verbs, and the one place where an error becomes a message and an exit code.

Each verb has its own file and imports what it needs inside its function, so that `assay --help` stays fast.
"""

import os
import sys
from typing import Any

import typer

from assay.cli import data, models, recipes, runs
from assay.cli.compare import compare
from assay.cli.evaluate import evaluate
from assay.cli.predict import predict
from assay.cli.reproduce import reproduce
from assay.cli.shift import shift
from assay.cli.study import study
from assay.cli.train import train
from assay.core.errors import AssayError, UsageError

# Typer's error for a wrong option or argument; only its subclass has a public name.
USAGE_ERROR: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="assay",
    help="Reproducible image-classification experiments with honest error bars.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train)
app.command()(evaluate)
app.command()(compare)
app.command()(study)
app.command()(reproduce)
app.command()(predict)
app.command()(shift)
app.add_typer(runs.app, name="runs")
app.add_typer(recipes.app, name="recipes")
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if context.invoked_subcommand not in (None, "train") and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(f"torchrun is for training: start assay {context.invoked_subcommand} without it")
    if version:
        from importlib.metadata import version as find_version

        typer.echo(f"assay {find_version('assay')}")
        raise typer.Exit


def main() -> None:
    """Run the command line. Exit codes: 0 ok, 1 failed, 2 usage, 130 interrupted."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code, with the message of an error on standard error."""
    try:
        return int(app(arguments, standalone_mode=False) or 0)
    except AssayError as error:
        return _fail(str(error), error.exit_code)
    except USAGE_ERROR as error:
        error.show()
        return int(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", 130)
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _fail(message: str, code: int) -> int:
    typer.echo(f"assay: {message}", err=True)
    return code
