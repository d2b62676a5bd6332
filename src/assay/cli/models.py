"""`assay models`: lists the named nets, and shows the layers of a net."""

import sys
from typing import Annotated, Any

import typer

app = typer.Typer(help="List nets and show their layers.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List every named net with its number of parameters, for 10 classes and the images it was designed for."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from assay.models.layer import parse_lines
    from assay.models.shapes import format_shape
    from assay.models.summary import summarize
    from assay.models.torchvision_hub import BARE_NAMES
    from assay.models.zoo.registry import NETS

    table = Table("name", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("what it is")
    table.add_column("images", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    for name in NETS:
        net = NETS[name]
        summary = summarize(parse_lines(net.lines(10, {}), net.shape), net.shape)
        table.add_row(name, net.description, format_shape(net.shape), f"{summary.parameters:,}")
    Console(width=_width()).print(table)
    typer.echo(f"pretrained (pip install 'assay[pretrained]'): mobilenet_v1; torchvision's {', '.join(BARE_NAMES)};")
    typer.echo("and every net of timm, by its timm name")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A net of assay, timm or torchvision.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Arguments of the net, such as dropout=0.3.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="Image shape, such as 3x32x32; by default the net's own."),
    ] = None,
    classes: Annotated[int, typer.Option(min=2, help="Number of classes.")] = 10,
) -> None:
    """Show every layer with its output shape, how that follows, parameters, mult-adds and memory."""
    from rich.console import Console

    from assay.models.build import list_layers
    from assay.models.summary import summarize
    from assay.recipes.schema import Model

    values = dict(_pair(word) for word in arguments or [])
    model, console = Model(name=name, arguments=values), Console(width=_width(), highlight=False)
    lines, images = _describe(name, values)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    images = _shape(shape) if shape else images
    summary = summarize(list_layers(model, images, classes), images)
    console.print(summary.table())
    console.print(summary.totals(), soft_wrap=True)


def _describe(name: str, values: dict[str, Any]) -> tuple[list[str], tuple[int, int, int]]:
    """Lines about a net with these arguments, and the shape (C, H, W) of its images."""
    from assay.models.pretrained import describe_pretrained, find_hub
    from assay.models.zoo.registry import NETS, format_argument
    from assay.recipes.schema import Model

    if find_hub(name):
        text, shape = describe_pretrained(Model(name=name, arguments=values))
        return [f"{name}: {text}"], shape
    net = NETS[name]
    pairs = [f"{key}={format_argument(values.get(key, default))}" for key, default in net.defaults.items()]
    return [f"{name}: {net.description}", f"arguments: {', '.join(pairs) or 'none'}"], net.shape


def _width() -> int | None:
    """The terminal's width; pipes and files have none and get room for whole rows."""
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
