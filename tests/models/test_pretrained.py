"""Pretrained nets: every named one takes its library's weights and gives its library's logits."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from assay.core.errors import AssayError, DataError, UsageError
from assay.models.build import build_net as build_any
from assay.models.head import find_head, initialize_head
from assay.models.net_preprocessing import resolve_preprocessing
from assay.models.pretrained import build_pretrained, find_hub, is_pretrained
from assay.models.pretrained_weights import load_pretrained
from assay.models.torchvision_hub import BARE_NAMES
from assay.recipes.schema import Model, Preprocessing

from .conftest import lively, needs_libraries, unlike_fresh

TIMM = ("tf_efficientnet_lite0", "timm/resnet18", "vit_tiny_patch16_224")
SIDES = {"inception_v3": 96, "vit_tiny_patch16_224": 224}
AUX = {"googlenet": "aux1.conv.conv.weight", "inception_v3": "AuxLogits.fc.weight"}
V1 = Model(name="mobilenet_v1", arguments={"width": 0.25})


def librarys_own(name: str) -> nn.Module:
    """The net as its library builds it for its published weights, auxiliary heads and all, with other numbers in it."""
    library, bare = find_hub(name)
    if library.name == "timm":
        import timm

        net = timm.create_model(bare)
        net.load_state_dict(unlike_fresh(net))
        return net.eval()
    from assay.models.torchvision_hub import import_torchvision

    aux = {"aux_logits": True, "transform_input": True, "init_weights": False} if name in AUX else {}
    with torch.device("meta"):  # its initialization takes seconds
        net = import_torchvision().models.get_model(bare, **aux)
    state = {key: lively(value) for key, value in net.state_dict().items()}
    for key, value in state.items():
        if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            value.abs_().add_(0.5)
    net.load_state_dict(state, assign=True)
    return net.eval()


def loaded(name, classes, folder):
    """The library's own net, ours with its weights, and how ours is named."""
    theirs = librarys_own(name)
    save_file(theirs.state_dict(), folder / "w.safetensors")
    model = Model(name=name, weights=str(folder / "w.safetensors"))
    net = build_pretrained(model, classes, seed=0)
    load_pretrained(net, model, classes, folder)
    return theirs, net, model


@needs_libraries
@pytest.mark.parametrize("name", [*BARE_NAMES, *TIMM])
def test_the_librarys_state_dict_loads_strictly_and_gives_its_logits(name, tmp_path):
    theirs, net, _ = loaded(name, 1000, tmp_path)
    side = SIDES.get(name, 64)
    pixels = torch.randn(2, 3, side, side)
    with torch.inference_mode():
        expected, found = theirs(pixels), net.eval()(pixels)
    assert expected.std() > 1e-6  # it says something
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    extra = theirs.state_dict().keys() - net.state_dict().keys()
    assert (AUX[name] in extra) if name in AUX else not extra


@needs_libraries
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", *TIMM])
def test_a_new_head_is_for_ones_own_classes_and_the_rest_is_the_files(name, tmp_path):
    theirs, net, model = loaded(name, 7, tmp_path)
    head = find_head(net, 7, model)
    for key, value in net.state_dict().items():
        if key.startswith(f"{head}."):
            assert len(value) == 7
        else:
            assert torch.equal(value, theirs.state_dict()[key])


def test_fresh_weights_follow_from_the_seed_and_the_head_from_it_alone():
    def head(model: Model, seed: int) -> torch.Tensor:
        return build_pretrained(model, 10, seed).classifier.weight

    assert torch.equal(head(V1, 3), head(V1, 3))
    assert not torch.equal(head(V1, 3), head(V1, 4))
    one, other = build_pretrained(V1, 10, 3).state_dict(), build_pretrained(V1, 10, 3).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
    net = build_pretrained(V1, 10, 3)
    net.classifier.weight.data.zero_()
    initialize_head(net.classifier, 3)
    assert torch.equal(net.classifier.weight, head(V1, 3))


def test_dropout_is_before_the_head_and_only_in_training():
    net = build_pretrained(V1.model_copy(update={"dropout": 0.5}), 10, 0)
    features = torch.ones(4, 256)
    assert torch.equal(net.eval().classifier(features), net.classifier(features))
    plain = nn.functional.linear(features, net.classifier.weight, net.classifier.bias)
    assert torch.equal(net.classifier(features), plain)
    assert not torch.allclose(net.train().classifier(features), plain)
    wide = torch.ones(400, 256)
    assert torch.allclose(net.classifier(wide).mean(0), plain[0], atol=0.05)


@pytest.mark.parametrize(("name", "library"), [("mobilenet_v1", "assay"), ("resnet18", "torchvision"), ("kth", None)])
def test_a_bare_name_is_assays_or_torchvisions_first(name, library):
    found = find_hub(name)
    assert (found and found[0].name) == library


@needs_libraries
def test_other_bare_names_are_timms_and_a_prefix_decides():
    for name, library in (
        ("tf_efficientnet_lite0", "timm"),
        ("timm/resnet18", "timm"),
        ("torchvision/vgg11", "torchvision"),
    ):
        assert find_hub(name)[0].name == library
    with pytest.raises(UsageError, match="unknown net of timm 'resnet1'; did you mean"):
        find_hub("timm/resnet1")
    assert find_hub("ktt") is None


def test_a_key_for_pretrained_nets_is_refused_elsewhere():
    with pytest.raises(UsageError, match="only a pretrained net has this, kth has not") as caught:
        is_pretrained(Model(name="kth", train_only="head"))
    assert caught.value.at == ("train_only",)
    with pytest.raises(UsageError, match="unknown net 'ktt'; did you mean kth"):
        build_any(Model(name="ktt"), (3, 32, 32), 10, 0)


@needs_libraries
def test_without_a_linear_head_it_is_refused():
    with pytest.raises(UsageError, match="squeezenet1_0 does not end in a linear layer"):
        build_pretrained(Model(name="torchvision/squeezenet1_0"), 10, 0)


def test_library_weights_are_first_looked_for_in_the_folder_of_weights(tmp_path):
    state = {key: value + 1 for key, value in build_pretrained(V1, 1000, 0).state_dict().items()}
    save_file(state, tmp_path / "mobilenetv1_025.safetensors")
    net, model = build_pretrained(V1, 10, 0), V1.model_copy(update={"weights": "library"})
    load_pretrained(net, model, 10, tmp_path)
    assert torch.equal(net.conv_stem.weight, state["conv_stem.weight"])


def test_a_file_may_be_named_by_itself_in_that_folder(tmp_path):
    save_file(build_pretrained(V1, 1000, 5).state_dict(), tmp_path / "mine.safetensors")
    net = build_pretrained(V1, 10, 0)
    load_pretrained(net, V1.model_copy(update={"weights": "mine.safetensors"}), 10, tmp_path)
    assert torch.equal(net.conv_stem.weight, build_pretrained(V1, 10, 5).conv_stem.weight)


def test_where_there_is_none_the_error_says_which_file_to_put_where(tmp_path):
    with pytest.raises(AssayError) as caught:
        load_pretrained(build_pretrained(V1, 10, 0), V1.model_copy(update={"weights": "library"}), 10, tmp_path)
    said = str(caught.value)
    assert str(tmp_path / "mobilenetv1_025.safetensors") in said
    assert "model.weights=FILE" in said


@needs_libraries
def test_without_a_network_the_error_names_the_address_and_the_file(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    model = Model(name="resnet18", weights="library")
    with pytest.raises(AssayError) as caught:
        load_pretrained(build_pretrained(model, 10, 0), model, 10, tmp_path)
    said = str(caught.value)
    assert str(tmp_path / "resnet18-f37072fd.pth") in said
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in said


@needs_libraries
def test_an_official_name_with_a_wrong_hash_is_refused(tmp_path):
    model = Model(name="resnet18", weights="library")
    net = build_pretrained(model, 1000, 0)
    torch.save(net.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(DataError, match="its SHA-256 begins with f37072fd, but"):
        load_pretrained(net, model, 1000, tmp_path)


@needs_libraries
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "mobilenet_v1"])
def test_real_weights_see_a_dog(name, real_weights):
    """ImageNet's classes 151 to 268 are breeds of dogs."""
    from PIL import Image

    from assay.data.preprocess import Preprocess

    photos = sorted((real_weights.parent / "photos" / "dog").glob("*.jpg"))[:8]
    if not photos:
        pytest.skip("real photographs needed: photos/dog beside the folder of weights")
    model = Model(name=name, weights="library", arguments={"width": 0.75} if name == "mobilenet_v1" else {})
    net = build_pretrained(model, 1000, 0)
    load_pretrained(net, model, 1000, real_weights)
    sized = Preprocess.for_shape(resolve_preprocessing(Preprocessing(resize="net", crop="net"), model), (3, 256, 256))
    own = resolve_preprocessing(Preprocessing(normalize="net"), model).normalize
    pixels = torch.cat([sized(sized.read_pil(Image.open(photo))) for photo in photos])
    pixels = (pixels - torch.tensor(own.mean).view(3, 1, 1)) / torch.tensor(own.std).view(3, 1, 1)
    with torch.inference_mode():
        found = net.eval()(pixels).argmax(1)
    assert ((found >= 151) & (found <= 268)).sum() >= 6


@needs_libraries
def test_real_features_without_a_head_load(real_weights):
    model = Model(name="mobilenet_v2", weights="library")
    net = build_pretrained(model, 10, 0)
    load_pretrained(net, model, 10, real_weights)
    fresh = build_pretrained(model, 10, 0).state_dict()
    same = [key for key, value in net.state_dict().items() if torch.equal(value, fresh[key])]
    assert {key for key in same if not key.endswith("num_batches_tracked")} == {
        "classifier.1.weight",
        "classifier.1.bias",
    }
