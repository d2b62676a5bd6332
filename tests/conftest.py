"""What all tests share: one thread, a tiny task that needs no file, and real data where there is some."""

import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image

from assay.cli.main import run as run_command
from assay.core.randomness import seeded
from assay.data.datasets import idx
from assay.data.datasets.dataset import DownloadMirror, Edition, File, NamedDataset
from assay.data.datasets.registry import DATASETS
from assay.data.imageset import ImageSet
from assay.experiments import runtime_choice
from assay.experiments.run import Run
from assay.recipes.recipe import Recipe

torch.set_num_threads(1)  # a busy neighbor ruins OpenMP with more

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def same_numbers_every_time() -> Iterator[None]:
    """What a test draws from torch's own generator is the same whenever it runs."""
    with seeded(0):
        yield


@pytest.fixture(autouse=True)
def no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test chooses its precision by the clock, unless it asks for that."""
    monkeypatch.setattr(runtime_choice, "SHORTEST_RUN_SECONDS", float("inf"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with real data sets; tests that need it are skipped where $ASSAY_DATA is not set."""
    root = os.environ.get("ASSAY_DATA")
    if not root or not (Path(root) / "FashionMNIST").is_dir() or not (Path(root) / "cifar-10-batches-py").is_dir():
        pytest.skip("real data needed: set ASSAY_DATA to a folder with FashionMNIST/ and cifar-10-batches-py/")
    return Path(root)


@pytest.fixture(scope="session")
def photos_folder() -> Path:
    """Real photographs of CIFAR-10's classes, FOLDER/CLASS/; tests that need some are skipped where there are none."""
    folder = os.environ.get("ASSAY_PHOTOS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("photographs needed: set ASSAY_PHOTOS to a folder with one folder for each class of CIFAR-10")
    return Path(folder)


@pytest.fixture
def bars_photos(tmp_path: Path) -> Path:
    """Thirty photographs of bars, 120 pixels wide and more, as PNG files in a folder for each class."""
    drawn, generator = bars(30, seed=2), np.random.default_rng(3)
    for i, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        large = image[0].repeat(20, 0).repeat(15 + i % 3, 1).astype(int) + generator.integers(-20, 20)
        folder = tmp_path / "mine" / drawn.class_names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(large.clip(0, 255).astype(np.uint8)).save(folder / f"{i:02}.png")
    return tmp_path / "mine"


def bars(n: int, seed: int = 0) -> ImageSet:
    """Gray 8x8 images (n, 1, 8, 8) of three classes that a tiny net learns: a bright left, middle or right third."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, n)
    images = generator.integers(0, 120, (n, 1, 8, 8), dtype=np.uint8)
    for i, label in enumerate(labels):
        images[i, :, :, 3 * label : 3 * label + 2] += 100
    return ImageSet(images, labels.astype(np.int64), ("left", "middle", "right"), "bars")


@pytest.fixture
def images() -> ImageSet:
    """200 training images of bars."""
    return bars(200)


@pytest.fixture
def test_images() -> ImageSet:
    """100 other images of bars."""
    return bars(100, seed=1)


@pytest.fixture
def recipe() -> Recipe:
    """A small net for bars, with dropout, batch norm and augmentation, so that all random streams are in use."""
    return Recipe.build(
        {
            "name": "tests/bars",
            "model": {"layers": ["conv 4 3x3", "relu", "batchnorm", "flatten", "dropout 0.2", "linear 3"]},
            "augment": ["crop 1"],
            "optimizer": {"name": "sgd", "lr": 0.05},
            "training": {"epochs": 3, "batch_size": 32},
        }
    )


def bars_files() -> dict[str, bytes]:
    """The bars as the four IDX files of a published data set: 2,000 training and 500 test images."""
    files = {}
    for part, drawn in (("train", bars(2000)), ("test", bars(500, seed=1))):
        files[f"{part}-images"] = struct.pack(">HBB3I", 0, 8, 3, len(drawn), 8, 8) + drawn.images.tobytes()
        files[f"{part}-labels"] = struct.pack(">HBBI", 0, 8, 1, len(drawn)) + drawn.labels.astype(np.uint8).tobytes()
    return files


def bars_dataset() -> NamedDataset:
    """`bars` as a named data set, with real checksums; its files lie in Bars/ below the data root."""
    contents = bars_files()
    files = {
        name: File(name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
        for name, content in contents.items()
    }
    parts = {part: (files[f"{part}-images"], files[f"{part}-labels"]) for part in ("train", "test")}
    return NamedDataset(
        name="bars",
        class_names=("left", "middle", "right"),
        shape=(1, 8, 8),
        counts={"train": 2000, "test": 500},
        editions=(Edition(("Bars",), parts, idx.decode),),
        mirror=DownloadMirror("https://example.org/bars/"),
    )


BARS_RECIPE = """\
# Bars, in no time.
data: {name: bars}
augment: [crop 1]
model:
  layers:
    - conv 4 3x3
    - relu
    - batchnorm
    - flatten
    - dropout 0.2
    - linear 3
optimizer: {name: sgd, lr: 0.05}
training: {epochs: 2, batch_size: 100}
"""


@contextmanager
def bars_workspace(folder: Path) -> Iterator[Path]:
    """Make `folder` the working folder: `bars` a named data set in Bars/, `bars.yaml` to train it, runs in runs/."""
    (folder / "Bars").mkdir()
    for name, content in bars_files().items():
        (folder / "Bars" / name).write_bytes(content)
    (folder / "bars.yaml").write_text(BARS_RECIPE)
    with DATASETS.replaced("bars", bars_dataset()), pytest.MonkeyPatch.context() as patch:
        for name, value in (("ASSAY_DATA", str(folder)), ("ASSAY_RUNS", "runs"), ("COLUMNS", "200")):
            patch.setenv(name, value)
        patch.chdir(folder)
        yield folder


@pytest.fixture
def bars_folder(tmp_path: Path) -> Iterator[Path]:
    """A working folder with the data set `bars` and a recipe, `bars.yaml`."""
    with bars_workspace(tmp_path) as folder:
        yield folder


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A runs folder with one finished run of bars.yaml, and what the command said. To change it, take `bars_run`."""
    out, err = io.StringIO(), io.StringIO()
    with bars_workspace(tmp_path_factory.mktemp("trained")) as folder, redirect_stdout(out), redirect_stderr(err):
        code = run_command(["train", "bars.yaml", "--threads", "1", "--no-mlflow"])
    return folder / "runs", Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def bars_run(bars_folder: Path, trained_once: tuple[Path, Done]) -> Run:
    """A finished run of bars.yaml, in a working folder of its own."""
    shutil.copytree(trained_once[0], bars_folder / "runs")
    (folder,) = (bars_folder / "runs" / "bars").iterdir()
    return Run.open(folder.relative_to(bars_folder))


@pytest.fixture
def assay(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line, in this process: `assay("train", path)`."""

    def call(*words: object) -> Done:
        capsys.readouterr()
        code = run_command([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def start_assay() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """The command line with the bars, as a process of its own that ends with the test."""
    script, started = Path(__file__).parent / "assay_with_bars.py", []

    def start(*words: object, before: tuple[str, ...] = (), **options) -> subprocess.Popen[str]:
        command = [*before, sys.executable, str(script), *map(str, words)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
