"""`assay models`."""

import pytest
from typer.testing import CliRunner

from assay.cli.models import app
from assay.core.errors import ShapeError, UsageError
from assay.models.zoo.registry import NETS


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=True)
    if result.exception:
        raise result.exception
    return result.output


def test_list_has_a_row_for_every_net():
    lines = run("list").splitlines()
    names = {line.split()[0] for line in lines if line.strip()}
    assert set(NETS) <= names
    assert any(line.split()[:1] == ["two-conv"] and line.rstrip().endswith("62,006") for line in lines)


def test_show_takes_arguments_as_key_and_value():
    output = run("show", "kth", "filters=[64,128,256]", "hidden=[512,128]", "activation=leaky_relu 0.01")
    assert "965,642" in output
    assert "hidden=[512,128], activation=leaky_relu 0.01, dropout=0.0" in output


def test_show_takes_the_shape_of_the_images_and_the_classes():
    output = run("show", "imp", "--shape", "3x16x16", "--classes", "7")
    assert "3x16x16" in output
    assert "linear 7" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kht",), "unknown net 'kht'; did you mean kth"),
        (("kth", "filter=3"), "did you mean filters"),
        (("kth", "filters"), "written key=value"),
        (("kth", "filters=[1"), "cannot be read"),
        (("kth", "--shape", "32x32"), "channels x height x width"),
    ],
)
def test_wrong_words_are_usage_errors(words: tuple[str, ...], message: str):
    with pytest.raises(UsageError, match=message):
        run("show", *words)


def test_images_too_small_are_a_shape_error_that_names_the_layer():
    with pytest.raises(ShapeError, match="layer 4 'conv 48 3x3': kernel 3x3 does not fit into 24x2x2"):
        run("show", "kth", "--shape", "3x8x8")


def test_list_says_which_pretrained_nets_there_are():
    assert "mobilenet_v1; torchvision's alexnet, googlenet" in run("list")


def test_show_walks_a_pretrained_net_for_its_own_images():
    output = run("show", "mobilenet_v1", "width=0.25", "--classes", "7")
    assert "center 224 px, mean 0.5, 0.5, 0.5" in output
    assert "blocks.4.1.conv_pw" in output
    assert "3x224x224" in output
    assert f"{470_072 - 993 * 257:,}" in output  # Keras's count, with 993 outputs less


def test_a_pretrained_net_takes_the_shape_of_images_too():
    assert "3x128x128" in run("show", "mobilenet_v1", "width=0.25", "--shape", "3x128x128")
