"""The line language: shapes, counts and results against torch's own modules and flop counter."""

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from assay.core.errors import ShapeError, UsageError
from assay.models.layer import LAYERS, parse_lines

IMAGES = [(3, 32, 32), (1, 28, 28), (4, 17, 12)]
IMAGE_LINES = [
    *("conv 6 5x5", "conv 6 5x5 same", "conv 6 5x5 full", "conv 6 3x5 stride 2", "conv 6 3x3 same stride 2"),
    *("conv 6 4x4 same", "conv 6 2x3 same stride 3", "conv 6 4x4 full stride 2", "conv 6 1x1 nobias"),
    *(
        "maxpool 2",
        "maxpool 3 stride 2",
        "avgpool 2",
        "avgpool 3",
        "globalavgpool",
        "globalmaxpool",
        "batchnorm",
        "dropout 0.3",
    ),
    *("flatten", "maxout 1", "relu", "leaky_relu", "elu 0.5", "gelu", "sigmoid", "tanh", "softmax", "log_softmax"),
    *("conv 6 3x3 same nobias dirac", "conv 6 5x1 stride 2 dirac", "whitening 2x2", "whitening 1x3", "scale 0.25"),
    *("batchnorm nogain", "batchnorm momentum 0.4 nogain", "globalmaxpool"),
]
FEATURE_LINES = [
    *("linear 7", "linear 7 nobias", "linear 7 unit", "linear 7 nobias unit", "maxout 2", "maxout 3", "dropout 0"),
    *("batchnorm", "batchnorm nogain", "scale -2", "relu", "softmax"),
]
CASES = [(line, shape) for line in IMAGE_LINES for shape in IMAGES] + [(line, (12,)) for line in FEATURE_LINES]


def test_every_layer_is_tried_here():
    assert {line.split()[0] for line in IMAGE_LINES + FEATURE_LINES} == set(LAYERS)


@pytest.mark.parametrize(("line", "shape"), CASES)
def test_the_shape_is_what_the_module_gives(line: str, shape: tuple[int, ...]):
    (layer,) = parse_lines([line], shape)
    assert layer.make()(torch.rand(2, *shape)).shape == (2, *layer.shape)


@pytest.mark.parametrize(("line", "shape"), CASES)
def test_counts_are_torchs(line: str, shape: tuple[int, ...]):
    (layer,) = parse_lines([line], shape)
    module = layer.make().eval()
    assert layer.parameters == sum(p.numel() for p in module.parameters() if p.requires_grad)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.rand(1, *shape))
    assert 2 * layer.mult_adds == counter.get_total_flops()


def test_the_text_says_how_the_shape_follows():
    lines = ["conv 24 5x5", "maxpool 3", "conv 8 4x4 same", "conv 8 3x1 full", "flatten", "maxout 8", "linear 5"]
    assert [layer.how for layer in parse_lines(lines, (3, 32, 32))] == [
        "(32 + 2*0 - 5)/1 + 1 = 28",
        "floor((28 + 2*0 - 3)/3) + 1 = 9",
        "(9 + 3 - 4)/1 + 1 = 9",
        "(9 + 2*2 - 3)/1 + 1 = 11; (9 + 2*0 - 1)/1 + 1 = 9",
        "8*11*9 = 792",
        "792/8 = 99",
        "each from 99",
    ]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("kernel", [(4, 4), (2, 3), (3, 2), (5, 5)])
def test_same_pads_as_torch_does(kernel: tuple[int, int]):
    (layer,) = parse_lines([f"conv 6 {kernel[0]}x{kernel[1]} same"], (3, 9, 8))
    module, images = layer.make(), torch.rand(2, 3, 9, 8)
    expected = functional.conv2d(images, module.weight, module.bias, padding="same")
    torch.testing.assert_close(module(images), expected)


def test_full_is_the_convolution_of_every_overlap():
    (layer,) = parse_lines(["conv 1 3x3 full nobias"], (1, 5, 5))
    module, image = layer.make(), torch.rand(1, 1, 5, 5)
    # A transposed convolution spreads each pixel over the kernel, which meets every overlap once.
    expected = functional.conv_transpose2d(image, module.weight.flip(2, 3))
    torch.testing.assert_close(module(image), expected)


def test_maxout_takes_the_largest_of_adjacent_channels():
    (layer,) = parse_lines(["maxout 2"], (4, 1, 1))
    values = torch.tensor([1.0, 5.0, -3.0, -4.0]).reshape(1, 4, 1, 1)
    assert layer.make()(values).flatten().tolist() == [5.0, -3.0]


def test_batch_norm_keeps_a_mean_and_a_variance_per_channel():
    (layer,) = parse_lines(["batchnorm"], (32, 4, 4))
    assert (layer.parameters, layer.statistics) == (64, 64)


def test_batch_norm_without_gain_trains_its_bias_alone():
    (layer,) = parse_lines(["batchnorm nogain"], (32, 4, 4))
    module = layer.make()
    assert (layer.parameters, layer.statistics) == (32, 64)
    assert (module.weight == 1).all()
    assert (module.weight.requires_grad, module.bias.requires_grad) == (False, True)


@pytest.mark.parametrize(("line", "share"), [("batchnorm", 0.1), ("batchnorm momentum 0.4", 0.4)])
def test_the_momentum_of_batch_norm_is_the_weight_of_a_new_batch(line: str, share: float):
    (layer,) = parse_lines([line], (2, 4, 4))
    module, images = layer.make(), torch.rand(5, 2, 4, 4)
    module(images)
    torch.testing.assert_close(module.running_mean, share * images.mean((0, 2, 3)))


def test_scale_multiplies():
    (layer,) = parse_lines(["scale -0.5"], (4,))
    assert layer.make()(torch.tensor([[1.0, 2.0, 0.0, -4.0]])).tolist() == [[-0.5, -1.0, 0.0, 2.0]]


def test_dirac_starts_as_the_identity():
    (layer,) = parse_lines(["conv 6 3x3 same nobias dirac"], (3, 5, 5))
    images = torch.rand(2, 3, 5, 5)
    assert torch.equal(layer.make()(images)[:, :3], images)


def test_unit_weights_have_a_standard_deviation_of_1():
    (layer,) = parse_lines(["linear 50 unit"], (30,))
    assert layer.make().weight.std().item() == pytest.approx(1, abs=0.01)


def test_whitening_counts_its_bias_alone():
    (layer,) = parse_lines(["whitening 2x2"], (3, 32, 32))
    assert (layer.shape, layer.parameters, layer.statistics) == ((24, 31, 31), 24, 0)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["conv 96 5x5"], "layer 2 'conv 96 5x5': kernel 5x5 does not fit into 3x2x2"),
        (["maxpool 3"], "layer 2 'maxpool 3': kernel 3x3 does not fit into 3x2x2"),
        (["linear 10"], "layer 2 'linear 10': needs a row of features, not 3x2x2; put 'flatten' before it"),
        (["maxout 2"], "layer 2 'maxout 2': 3 channels cannot be split into groups of 2"),
        (["flatten", "conv 6 1x1"], "layer 3 'conv 6 1x1': needs an image .* not 12 features"),
    ],
)
def test_an_impossible_shape_names_layer_and_sizes(lines: list[str], message: str):
    with pytest.raises(ShapeError, match=message) as caught:
        parse_lines(["maxpool 2", *lines], (3, 4, 4))
    assert caught.value.at == (len(lines),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("covn 6 5x5", "layer 2 'covn 6 5x5': unknown layer 'covn'; did you mean conv"),
        ("conv 6 5x5 smae", "unknown argument of 'conv': 'smae'; did you mean same"),
        ("conv", "'conv' needs a number of filters"),
        ("conv 6", "needs a kernel written like 5x5"),
        ("relu 3", "'relu' takes no further argument"),
        ("dropout 1", "below 1"),
        ("conv 6 2x2 dirac", "dirac needs a kernel with a middle, 3x3, not 2x2"),
        ("conv 6 4x3 full dirac", "dirac needs a kernel with a middle, 3x3, not 4x3"),
        ("whitening 2x2", "its filters come from the images, so it goes first"),
        ("whitening", "'whitening' needs a kernel written like 5x5"),
        ("scale", "'scale' needs a factor"),
        ("batchnorm momentum 0", r"the momentum must be above 0 and at most 1 \(given: 0\)"),
        ("batchnorm nogian", "did you mean nogain"),
        ("  ", "empty"),
    ],
)
def test_an_unknown_word_is_an_error_with_its_place(line: str, message: str):
    with pytest.raises(UsageError, match=message) as caught:
        parse_lines(["relu", line], (3, 8, 8))
    assert caught.value.at == (1,)
    assert not isinstance(caught.value, ShapeError)
