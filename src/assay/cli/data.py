"""`assay data`: list, download, show, preview and check data. Words in, tables and sheets out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assay.data.preprocess import Preprocess

app = typer.Typer(no_args_is_help=True, help="Data sets: list, download, look at and check them.")

Name = Annotated[str, typer.Argument(help="A data set; `assay data list` prints their names.")]
Output = Annotated[Path | None, typer.Option(help="The image file to write (.png); nothing is overwritten.")]


@app.command("list")
def list_datasets() -> None:
    """List the data sets that assay knows by name, and where they are."""
    from rich.console import Console
    from rich.table import Table

    from assay.core.folders import data_root
    from assay.data.datasets.registry import DATASETS

    table = Table("name", "training", "test", "classes", "shape")
    table.add_column("where", overflow="fold")  # a truncated path is useless
    for name in DATASETS:
        dataset = DATASETS[name]
        folder = dataset.find_folder(data_root())
        table.add_row(
            name,
            f"{dataset.counts['train']:,}",
            f"{dataset.counts['test']:,}",
            str(len(dataset.class_names)),
            "x".join(map(str, dataset.shape)),
            str(folder) if folder else f"not here: assay data get {name}",
        )
    Console().print(table)


@app.command()
def get(
    name: Name,
    relabels: Annotated[
        bool, typer.Option("--relabels", help="Also how people label the test images (cifar10 only).")
    ] = False,
) -> None:
    """Download a data set unless you have it, and print its folder."""
    from assay.core.errors import UsageError
    from assay.core.folders import data_root
    from assay.data.datasets.cifar10_relabels import get_relabels
    from assay.data.datasets.download import get_dataset

    if relabels and name != "cifar10":
        raise UsageError("--relabels goes with cifar10; no labels by people are known for other data sets")

    typer.echo(f"checking {name}, downloading it if needed", err=True)
    typer.echo(get_dataset(name))
    if relabels:
        typer.echo(get_relabels(data_root()))


@app.command()
def show(name: Name, output: Output = None) -> None:
    """Draw a labeled sheet of training images, and print the number of images of each class."""
    from assay.data.datasets.catalog import load_dataset
    from assay.report.plots.data_sheets import class_sheet
    from assay.report.plots.style import save

    path = _output_path(output, f"{name}-sheet.png")
    images = load_dataset(name, "train")
    save(class_sheet(images), path)
    _print_counts(images.source, images.class_names, images.class_counts().tolist())
    typer.echo(path)


@app.command()
def preview(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or file.")],
    output: Output = None,
) -> None:
    """Draw what the net will see: one training image per row, original, preprocessed and augmented several times."""
    from assay.data.augment.parse import Augment
    from assay.data.load import load_data
    from assay.data.preprocess import Preprocess
    from assay.experiments.stored_size import complete_data
    from assay.models.net_preprocessing import resolve_preprocessing
    from assay.recipes.loader import read_recipe
    from assay.report.plots.data_sheets import preview_sheet
    from assay.report.plots.style import save

    spec = complete_data(read_recipe(recipe))
    path = _output_path(output, f"{spec.name.replace('/', '-')}-preview.png")
    with spec.blame("data", "name"):
        data = load_data(spec.data.model_copy(update={"share": 1.0}))
    images = data.images.subset(data.split.train)
    with spec.blame("preprocess"):
        preprocess = Preprocess.fit(resolve_preprocessing(spec.preprocess, spec.model), images)
    with spec.blame("augment"):
        augment = Augment.parse(spec.augment)
        figure = preview_sheet(images, preprocess, augment, spec.seed)
    save(figure, path)
    typer.echo(_describe(preprocess))
    typer.echo(path)


@app.command()
def check(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder or table of photos.")],
    output: Annotated[Path | None, typer.Option(help="The page to write (.html); nothing is overwritten.")] = None,
    size: Annotated[int, typer.Option(min=1, help="Side in pixels, like data.size of a recipe.")] = 160,
) -> None:
    """Read every image of a folder, print what is wrong, and write a page with thumbnails. Nothing is trained."""
    from assay.data.folders.folder import open_folder
    from assay.data.folders.summary import summary
    from assay.data.location import absolute_path
    from assay.report.html.data_check import write_check_page
    from assay.report.terminal import progress_bar

    place = absolute_path(folder)
    path = _output_path(output, f"{place.stem}-check.html", ".html")
    with progress_bar("reading images", talks=True) as reading:
        photos = open_folder(place, (3, size, size), max_bad=1.0, progress=reading)  # bad files are shown, not refused
    write_check_page(path, photos, place.name)
    for line in summary(photos.scan, first=20):
        typer.echo(line)
    typer.echo(path)


def _print_counts(title: str, class_names: Sequence[str], counts: Sequence[int]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("class", "training images", title=title)
    for class_name, count in zip(class_names, counts, strict=True):
        table.add_row(class_name, f"{count:,}")
    Console().print(table)


def _describe(preprocess: "Preprocess") -> str:
    """The numbers behind the preview, on one line."""
    text = f"reaches the net as {' x '.join(map(str, preprocess.shape))}, scale {preprocess.scale}"
    if preprocess.mean is None or preprocess.std is None:
        return text
    pairs = zip(preprocess.mean, preprocess.std, strict=True)
    return f"{text}; minus mean, over std, by channel: " + ", ".join(f"{mean:.4f} / {std:.4f}" for mean, std in pairs)


def _output_path(output: Path | None, default: str, suffix: str = ".png") -> Path:
    """The given path, or the default one with a number if it exists. Raises UsageError for an unusable path."""
    from assay.core.errors import UsageError

    if output is None:
        return _free_path(Path(default))
    if output.suffix.lower() != suffix:
        raise UsageError(f"--output must end in {suffix} (given: {output})")
    if output.exists():
        raise UsageError(f"{output} exists already; give --output another name")
    return output


def _free_path(path: Path) -> Path:
    """The path itself if it is free, else with the first free number: `a.png`, `a-2.png`."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate
