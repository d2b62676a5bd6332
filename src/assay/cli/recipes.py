"""`assay recipes`: the built-in recipes."""

from typing import Annotated

import typer

app = typer.Typer(help="List and print the built-in recipes.", no_args_is_help=True)


@app.command("list")
def list_recipes() -> None:
    """List the built-in recipes."""
    from rich.console import Console
    from rich.table import Table

    from assay.recipes.loader import recipe_names, recipe_path

    table = Table("recipe", "what it is", box=None, header_style="bold")
    for name in recipe_names():
        first = recipe_path(name).read_text(encoding="utf-8").splitlines()[0]
        table.add_row(name, first.removeprefix("#").strip())
    Console(highlight=False).print(table)


@app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="RECIPE", help="A built-in recipe or a YAML file.")]) -> None:
    """Print the file of a recipe, with its comments."""
    from pathlib import Path

    from assay.recipes.loader import read_recipe, recipe_names, recipe_path

    read_recipe(name)  # raises for an unknown name or a broken file
    path = recipe_path(name) if name in recipe_names() else Path(name)
    typer.echo(path.read_text(encoding="utf-8").rstrip())
