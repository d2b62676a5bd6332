"""Files of weights: only tensors, only the right ones, and every key accounted for."""

import hashlib
import re

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from assay.core.errors import DataError
from assay.models.weights import load_weights, read_weights


@pytest.fixture
def net() -> nn.Module:
    """A body with batch norm, and a head for three classes."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))


def changed(net: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value + 1 for key, value in net.state_dict().items()}


def test_safetensors_and_a_plain_state_dict_give_the_same(net, tmp_path):
    state = changed(net)
    save_file(state, tmp_path / "one.safetensors")
    torch.save(state, tmp_path / "one.pth")
    for name in ("one.safetensors", "one.pth"):
        found = read_weights(tmp_path / name)
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], state[key]) for key in state)


def test_half_precision_becomes_float32_and_counters_stay_whole(net, tmp_path):
    save_file(
        {key: v.half() if v.is_floating_point() else v for key, v in changed(net).items()}, tmp_path / "h.safetensors"
    )
    kinds = {value.dtype for key, value in read_weights(tmp_path / "h.safetensors").items() if "num_batches" not in key}
    assert kinds == {torch.float32}
    assert read_weights(tmp_path / "h.safetensors")["1.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("digits", [8, 64])
def test_a_file_whose_name_is_its_hash_is_read(net, tmp_path, digits):
    torch.save(net.state_dict(), tmp_path / "plain.pth")
    content = (tmp_path / "plain.pth").read_bytes()
    named = tmp_path / f"resnet18-{hashlib.sha256(content).hexdigest()[:digits]}.pth"
    named.write_bytes(content)
    assert read_weights(named).keys() == net.state_dict().keys()


def test_a_file_with_another_hash_in_its_name_is_refused(net, tmp_path):
    path = tmp_path / "resnet18-f37072fd.pth"
    torch.save(net.state_dict(), path)
    with pytest.raises(DataError, match=r"resnet18-f37072fd\.pth: by its name its SHA-256 begins with f37072fd, but"):
        read_weights(path)


class _Harmful:
    def __reduce__(self):
        return print, ("code ran",)


@pytest.mark.parametrize(
    ("content", "told"),
    [(_Harmful(), "more than tensors"), ({"state_dict": {}}, "no plain state dict"), ([1], "no plain state dict")],
)
def test_anything_but_tensors_is_refused_and_no_code_is_run(content, told, tmp_path, capsys):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(DataError, match=told):
        read_weights(tmp_path / "w.pth")
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_damaged_or_missing_file_is_said(net, tmp_path, name):
    with pytest.raises(DataError, match="there is no file of weights"):
        read_weights(tmp_path / name)
    torch.save(net.state_dict(), tmp_path / name) if name == "w.pth" else save_file(net.state_dict(), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="is damaged"):
        read_weights(tmp_path / name)


def test_all_that_a_file_has_reaches_the_net(net):
    state = changed(net)
    load_weights(net, state, "3", "it")
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("file_head", [None, (1000, 4)], ids=["none", "other"])
def test_a_file_without_this_head_leaves_the_net_its_own(net, file_head):
    before, state = {key: v.clone() for key, v in net.state_dict().items()}, changed(net)
    for part in ("weight", "bias"):
        state.pop(f"3.{part}")
    if file_head:
        state |= {"3.weight": torch.ones(file_head), "3.bias": torch.ones(file_head[0])}
    load_weights(net, state, "3", "it")
    found = net.state_dict()
    assert torch.equal(found["3.weight"], before["3.weight"])
    assert torch.equal(found["3.bias"], before["3.bias"])
    assert torch.equal(found["0.weight"], state["0.weight"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("1.running_mean"), "it lacks 1.running_mean"),
        (lambda state: state.update(extra=torch.ones(1)), "the net has no extra"),
        (lambda state: state.update({"0.bias": torch.ones(5)}), r"of another shape: 0.bias \(5,\) instead of \(4,\)"),
    ],
    ids=["lacks", "extra", "shape"],
)
def test_any_other_key_that_does_not_fit_is_named_and_nothing_is_loaded(net, change, told):
    before, state = {key: v.clone() for key, v in net.state_dict().items()}, changed(net)
    change(state)
    with pytest.raises(DataError, match=re.escape("w.pth does not fit the net: ") + told):
        load_weights(net, state, "3", "w.pth")
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_parts_that_the_net_leaves_out_may_be_in_the_file(net):
    load_weights(net, {**changed(net), "aux1.weight": torch.ones(2)}, "3", "it", ("aux1.",))
