"""`assay data`: what it prints, what it draws, and that it overwrites nothing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from assay.cli.data import app
from assay.core.errors import DataError, UsageError

RECIPE = """\
data: {name: fashion-mnist}
preprocess: {scale: centered, normalize: train}
augment: [flip, crop 4, AUGMENT]
model: {layers: [flatten, linear 10]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_list_says_what_there_is_and_how_to_get_it(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(folder))
    done = run("list")
    assert done.exit_code == 0
    for word in ("cifar10", "fashion-mnist", "mnist", "50,000", "3x32x32", "assay data get mnist"):
        assert word in " ".join(done.output.replace("│", " ").split())


@pytest.mark.data
def test_list_and_get_say_where_a_data_set_is(folder, data_root, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert str(data_root / "FashionMNIST/raw") in run("list").output
    assert run("get", "fashion-mnist").stdout.strip() == str(data_root / "FashionMNIST/raw")


@pytest.mark.parametrize("verb", ["get", "show"])
def test_an_unknown_data_set_is_a_usage_error(folder, verb):
    with pytest.raises(UsageError, match="did you mean fashion-mnist"):
        run(verb, "fashion_mnist")
    assert not list(folder.iterdir())


def test_show_without_data_says_how_to_get_it(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(folder))
    with pytest.raises(DataError, match="assay data get mnist"):
        run("show", "mnist")
    assert not list(folder.iterdir())


@pytest.mark.data
def test_show_draws_a_sheet_and_counts_the_classes(folder, data_root):
    done = run("show", "fashion-mnist")
    assert done.output.splitlines()[-1] == "fashion-mnist-sheet.png"
    assert "ankle boot" in done.output
    assert done.output.count("6,000") == 10
    assert np.asarray(Image.open("fashion-mnist-sheet.png").convert("L")).std() > 20


@pytest.mark.data
def test_a_second_sheet_takes_a_fresh_name(folder, data_root):
    Path("fashion-mnist-sheet.png").write_text("mine")
    assert run("show", "fashion-mnist").output.splitlines()[-1] == "fashion-mnist-sheet-2.png"
    assert Path("fashion-mnist-sheet.png").read_text() == "mine"


def test_a_given_output_is_never_overwritten(folder):
    Path("mine.png").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.png exists already"):
        run("show", "mnist", "--output", "mine.png")
    assert Path("mine.png").read_text() == "mine"


def test_a_given_output_must_be_a_png(folder):
    with pytest.raises(UsageError, match=r"must end in \.png"):
        run("show", "mnist", "--output", "sheet.html")


@pytest.mark.data
def test_preview_draws_what_the_net_will_see(folder, data_root):
    Path("mine.yaml").write_text(RECIPE.replace("AUGMENT", "rotate 20"))
    done = run("preview", "mine.yaml", "--output", "seen.png")
    assert "1 x 28 x 28, scale centered" in done.output
    assert "-0.2" in done.output  # the mean of the centered pixels is 0.286 - 0.5
    assert np.asarray(Image.open("seen.png").convert("L")).std() > 20


@pytest.mark.data
def test_a_faulty_augmentation_is_blamed_on_its_line(folder, data_root):
    Path("mine.yaml").write_text(RECIPE.replace("AUGMENT", "rotat 20"))
    with pytest.raises(UsageError, match=r"mine\.yaml:3: .*unknown augmentation 'rotat'; did you mean rotate"):
        run("preview", "mine.yaml")


def photographs(folder, n=6):
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(generator.integers(0, 256, (20, 20, 3), np.uint8)).save(folder / name / f"{i}.png")


def test_check_says_what_it_found_and_writes_a_page(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(folder / "root"))
    photographs(folder / "pets")
    (folder / "pets/cat/bad.png").write_bytes(b"words")
    done = run("check", "pets", "--size", 16)
    assert done.exit_code == 0
    assert "pets, class/image: 12 images" in done.output
    assert "1 bad, left out (7.7%):" in done.output
    assert "cat/bad.png: not an image" in done.output
    assert done.output.splitlines()[-1] == "pets-check.html"
    assert "cat/bad.png" in Path("pets-check.html").read_text()
    assert run("check", "pets", "--size", 16).output.splitlines()[-1] == "pets-check-2.html"


def test_check_refuses_a_page_that_is_there_and_a_folder_that_is_not(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(folder / "root"))
    Path("taken.html").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        run("check", "pets", "--output", "taken.html")
    with pytest.raises(UsageError, match=r"there is no folder or table .*pets"):
        run("check", "pets")


def test_preview_draws_a_folders_training_images(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(folder / "root"))
    photographs(folder / "pets")
    Path("pets.yaml").write_text("data: {name: pets, size: 16}\nmodel: {layers: [flatten, linear 2]}\n")
    assert "reaches the net as 3 x 16 x 16" in run("preview", "pets.yaml").output
    assert Path("pets-preview.png").exists()


def test_relabels_are_known_for_cifar10_alone(assay):
    done = assay("data", "get", "mnist", "--relabels")
    assert done.code == 2
    assert "--relabels goes with cifar10" in done.err
