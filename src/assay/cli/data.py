"""`assay data`: list, get, show, preview and check data. A thin layer: words in, tables and sheets out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assay.data.imageset import ImageSet
    from assay.data.preprocess import Preprocess
    from assay.recipes.recipe import Recipe

app = typer.Typer(no_args_is_help=True, help="Data sets: which there are, getting them, looking at them.")

_PER_CLASS = 10  # samples of each class on the sheet of `show`
_ROWS, _DRAWS = 8, 6  # images, and augmented draws of each, on the sheet of `preview`

Name = Annotated[str, typer.Argument(help="A data set: cifar10, fashion-mnist, mnist.")]
Output = Annotated[Path | None, typer.Option(help="Where to put the picture (.png); nothing is overwritten.")]


@app.command("list")
def list_sources() -> None:
    """List the data sets that assay knows by name, and where they are."""
    from rich.console import Console
    from rich.table import Table

    from assay.data.datasets.catalog import data_root
    from assay.data.datasets.registry import DATASETS

    table = Table("name", "training", "test", "classes", "shape")
    table.add_column("where", overflow="fold")  # a path cut short is of no use
    for name in DATASETS:
        source = DATASETS[name]
        where = source.find_folder(data_root())
        table.add_row(
            name,
            f"{source.counts['train']:,}",
            f"{source.counts['test']:,}",
            str(len(source.class_names)),
            "x".join(map(str, source.shape)),
            str(where) if where else f"not here: assay data get {name}",
        )
    Console().print(table)


@app.command()
def get(name: Name) -> None:
    """Get a data set, unless it is there already; print its folder."""
    from assay.data.datasets.download import get_dataset

    typer.echo(f"checking {name}, and getting it where it is missing", err=True)
    typer.echo(get_dataset(name))


@app.command()
def show(name: Name, output: Output = None) -> None:
    """Draw a labeled sheet of training images, and count the images of each class."""
    from rich.console import Console
    from rich.table import Table

    from assay.data.datasets.catalog import load_dataset
    from assay.report.plots.run import save, sheet

    path = _fresh(output, f"{name}-sheet.png")
    images = load_dataset(name, "train")
    sample = images.subset(_sample_of_classes(images))
    captions = [sample.class_names[label] for label in sample.labels]
    save(sheet(sample.images, captions, columns=_PER_CLASS), path)
    table = Table("class", "training images", title=images.source)
    for class_name, count in zip(images.class_names, images.class_counts(), strict=True):
        table.add_row(class_name, f"{count:,}")
    Console().print(table)
    typer.echo(path)


@app.command()
def preview(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or file.")],
    output: Output = None,
) -> None:
    """Draw what the net will see: each row one training image, as it is, preprocessed, and augmented several times."""
    from assay.data.load import load_data
    from assay.data.preprocess import Preprocess
    from assay.recipes.loader import read_recipe
    from assay.report.plots.run import save, sheet

    chosen = read_recipe(recipe)
    path = _fresh(output, f"{chosen.name.replace('/', '-')}-preview.png")
    with chosen.blame("data", "name"):
        found = load_data(chosen.data.model_copy(update={"share": 1.0}))
    images = found.images.subset(found.split.train)
    with chosen.blame("preprocess"):
        preprocess = Preprocess.fit(chosen.preprocess, images)
    tiles, captions = _views(images, preprocess, chosen)
    save(sheet(tiles, captions, columns=2 + _DRAWS), path)
    typer.echo(_describe(preprocess))
    typer.echo(path)


@app.command()
def check(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder or table of photographs.")],
    output: Annotated[Path | None, typer.Option(help="Where to put the page (.html); nothing is overwritten.")] = None,
    size: Annotated[int, typer.Option(min=1, help="Pixels of a side, as data.size of the recipe.")] = 160,
) -> None:
    """Look at every image of a folder, say what is wrong, and write a page with pictures; nothing is trained."""
    from assay.core.files import atomic_write
    from assay.data.folders.folder import open_folder
    from assay.data.folders.summary import summary
    from assay.data.location import absolute_path
    from assay.report.html.data_check import check_page
    from assay.report.terminal import progress_bar

    place = absolute_path(folder)
    path = _fresh(output, f"{place.stem}-check.html", ".html")
    with progress_bar("reading images", talks=True) as reading:
        found = open_folder(place, (3, size, size), 1.0, reading)  # however many are bad, they are shown
    atomic_write(path, check_page(found, place.name))
    for line in summary(found.scan, first=20):
        typer.echo(line)
    typer.echo(path)


def _sample_of_classes(images: "ImageSet") -> "NDArray[np.int64]":
    """Indices of some images of each class, class by class, drawn the same way every time."""
    import numpy as np

    generator = np.random.default_rng(0)
    rows = [np.flatnonzero(images.labels == label) for label in range(len(images.class_names))]
    return np.concatenate([generator.permutation(row)[:_PER_CLASS] for row in rows])


def _views(images: "ImageSet", preprocess: "Preprocess", recipe: "Recipe") -> "tuple[NDArray[np.uint8], list[str]]":
    """The tiles of the preview, uint8 (rows * columns, C, H, W), and their captions; draw k is that of epoch k."""
    import numpy as np
    import torch

    from assay.core.randomness import Stream, stream_seed
    from assay.data.augment.parse import Augment

    with recipe.blame("augment"):
        augment = Augment.parse(recipe.augment)
    chosen = np.random.default_rng(recipe.seed).permutation(len(images))[:_ROWS]
    sample, indices = images.subset(chosen), torch.from_numpy(chosen)
    pixels = preprocess.pixels(torch.from_numpy(sample.images))
    generator = torch.Generator().manual_seed(stream_seed(recipe.seed, Stream.AUGMENT))
    labels, classes = torch.from_numpy(sample.labels), len(sample.class_names)
    views = (augment(pixels, indices, epoch, generator) for epoch in range(_DRAWS))
    draws = [augment.mix(view, labels, classes, generator)[0] for view in views]
    columns = [sample.images, *((view * 255).round().to(torch.uint8).numpy() for view in (pixels, *draws))]
    side = [max(column.shape[axis] for column in columns) for axis in (2, 3)]
    tiles = np.stack([_on_white(column, *side) for column in columns], axis=1)
    names = [sample.class_names[label] for label in sample.labels]
    captions = [
        text for name in names for text in (f"{name}, original", "preprocessed", *(f"epoch {k}" for k in range(_DRAWS)))
    ]
    return tiles.reshape(-1, *tiles.shape[2:]), captions


def _on_white(images: "NDArray[np.uint8]", height: int, width: int) -> "NDArray[np.uint8]":
    """Images centered on a white canvas, so that tiles of different sizes show at one scale."""
    import numpy as np

    canvas = np.full((*images.shape[:2], height, width), 255, np.uint8)
    top, left = (height - images.shape[2]) // 2, (width - images.shape[3]) // 2
    canvas[:, :, top : top + images.shape[2], left : left + images.shape[3]] = images
    return canvas


def _describe(preprocess: "Preprocess") -> str:
    """What a picture cannot show: the numbers behind it."""
    lines = [f"reaches the net as {' x '.join(map(str, preprocess.shape))}, scale {preprocess.scale}"]
    if preprocess.mean and preprocess.std:
        pairs = zip(preprocess.mean, preprocess.std, strict=True)
        lines.append("minus mean, over std, by channel: " + ", ".join(f"{mean:.4f} / {std:.4f}" for mean, std in pairs))
    return "; ".join(lines)


def _fresh(output: Path | None, default: str, suffix: str = ".png") -> Path:
    """The asked-for path, refused if it is taken; else the default name, numbered until it is free."""
    from assay.core.errors import UsageError

    if output is None:
        stem, numbered = Path(default).stem, Path(default)
        number = 1
        while numbered.exists():
            number += 1
            numbered = Path(f"{stem}-{number}{suffix}")
        return numbered
    if output.suffix.lower() != suffix:
        raise UsageError(f"--output must end in {suffix} (given: {output})")
    if output.exists():
        raise UsageError(f"{output} exists already; give --output another name")
    return output
