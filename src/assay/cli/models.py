"""`assay models`: the nets that have a name, and what each of their layers does and costs."""

import sys
from typing import Annotated, Any

import typer

app = typer.Typer(help="The nets that have a name.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """Show every net with its number of parameters for its report's images."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from assay.models.layers import parse, sizes
    from assay.models.pretrained import TORCHVISION
    from assay.models.summary import summarize
    from assay.models.zoo.catalog import NETS

    table = Table("name", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("what it is")
    table.add_column("images", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    for name in NETS:
        net = NETS[name]
        summary = summarize(parse(net.lines(10, {}), net.shape), net.shape)
        table.add_row(name, net.description, sizes(net.shape), f"{summary.parameters:,}")
    Console(width=_width()).print(table)
    typer.echo(f"pretrained (pip install 'assay[pretrained]'): mobilenet_v1; torchvision's {', '.join(TORCHVISION)};")
    typer.echo("and every net of timm, by its name there")


@app.command()
def show(
    name: str,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Arguments of the net.")
    ] = None,
    shape: Annotated[str | None, typer.Option(help="The images, 3x32x32; else those of the net's report.")] = None,
    classes: Annotated[int, typer.Option(min=2, help="How many classes.")] = 10,
) -> None:
    """Show every layer with its output shape, how it follows, parameters, mult-adds and memory."""
    from rich.console import Console

    from assay.models.build import layers
    from assay.models.pretrained import described, library_of
    from assay.models.summary import summarize
    from assay.models.zoo.catalog import NETS
    from assay.models.zoo.registry import written
    from assay.recipes.schema import Model

    values = dict(_pair(word) for word in arguments or [])
    model, console = Model(name=name, arguments=values), Console(width=_width(), highlight=False)
    if library_of(name):
        about, images = described(model)
        console.print(f"{name}: {about}", soft_wrap=True)
    else:
        net = NETS[name]
        images = net.shape
        console.print(f"{name}: {net.description}", soft_wrap=True)
        known = ", ".join(f"{key}={written(values.get(key, default))}" for key, default in net.defaults.items())
        console.print(f"arguments: {known or 'none'}", markup=False, soft_wrap=True)
    images = _shape(shape) if shape else images
    summary = summarize(layers(model, images, classes), images)
    console.print(summary.table())
    console.print(summary.totals(), soft_wrap=True)


def _width() -> int | None:
    """As wide as the terminal; a pipe or file has no width, and gets room enough for whole rows."""
    return None if sys.stdout.isatty() else 120


def _pair(word: str) -> tuple[str, Any]:
    import yaml

    from assay.core.errors import UsageError

    key, equals, text = word.partition("=")
    if not equals:
        raise UsageError(f"'{word}': an argument of a net is written key=value")
    try:
        return key, yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"'{word}': the value cannot be read; a list is written [64,128,256]") from None


def _shape(text: str) -> tuple[int, int, int]:
    from assay.core.errors import UsageError

    sides = text.split("x")
    if len(sides) != 3 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise UsageError(f"--shape is written channels x height x width, 3x32x32 (given: {text})")
    channels, height, width = map(int, sides)
    return channels, height, width
