"""Two processes compute what one does in every net with batch norm, of whatever class; what cannot be so is refused.

Run as a script, this file is one of the two processes: FOLDER RANK.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from assay.core.errors import UsageError
from assay.models.build import build_net
from assay.models.zoo.registry import NETS
from assay.recipes.schema import Model
from assay.training.distributed import SINGLE_PROCESS, ProcessGroup
from assay.training.sync_batch_norm import swap_batch_norm_classes, sync_batch_norm

HAS_TIMM = bool(find_spec("timm") and find_spec("torchvision"))
VARIANTS = {"kth": [{"batch_norm": True}], "grid": [{"variant": "relu-bn"}], "airbench": [{"widths": (8, 16, 16)}]}
TIMM = (
    "tf_efficientnet_lite0", "mobilenetv3_small_050", "lcnet_035", "tinynet_e", "test_efficientnet", "efficientvit_b0",
    "timm/regnetx_002", "test_resnet", "test_byobnet", "resnet10t",
)  # fmt: skip


def models() -> dict[str, Model]:
    """All nets of the zoo with batch norm, and ten of timm."""
    found = {"mobilenet_v1": Model(name="mobilenet_v1", arguments={"width": 0.25})}
    for name in NETS.names():
        for arguments in VARIANTS.get(name, [{}]):
            if any(line.startswith("batchnorm") for line in NETS[name].lines(3, arguments)):
                found[name] = Model(name=name, arguments=arguments)
    return found | ({name: Model(name=name) for name in TIMM} if HAS_TIMM else {})


def build(model: Model) -> tuple[nn.Module, tuple[int, int, int]]:
    """The net in training mode, in float64 and without dropout, and the shape of its images."""
    shape = NETS[model.name].shape if model.name in NETS else (3, 32, 32)
    net = build_net(model, shape, 3, seed=0).double().train()
    net.drop_rate = 0.0  # of timm's nets; the processes draw their own dropout
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net, shape


def train(net: nn.Module, shape: tuple[int, int, int], group: ProcessGroup) -> dict[str, torch.Tensor]:
    """Loss, statistics, and of each gradient some values and the norm; for three images, two of them rank 0's."""
    pixels = torch.randn(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x, labels = group.shard(pixels), group.shard(torch.arange(3))
    loss = group.scale_loss(functional.cross_entropy(net(x), labels), len(x), 3)
    loss.backward()
    sums = group.all_reduce(net, loss.detach()[None])
    gradients = {f"{name}, gradient": p.grad for name, p in net.named_parameters() if p.grad is not None}
    parts = {name: torch.cat([grad.flatten()[:200], grad.norm()[None]]) for name, grad in gradients.items()}
    return {"loss": sums, **parts, **dict(net.named_buffers())}


def train_as_one_of_two(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    group = ProcessGroup(rank, 2)
    results = {}
    for name, model in models().items():
        net, shape = build(model)
        results[name] = train(group.synchronize(net), shape, group)
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def of_two_processes(tmp_path_factory) -> list[dict[str, dict[str, torch.Tensor]]]:
    """What each of two processes got, by net."""
    folder = tmp_path_factory.mktemp("two")
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    words = [[sys.executable, __file__, str(folder), str(rank)] for rank in range(2)]
    processes = [subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True) for line in words]
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", models())
def test_two_processes_train_every_net_with_batch_norm_as_one_does(of_two_processes, name):
    net, shape = build(models()[name])
    expected = train(net, shape, SINGLE_PROCESS)
    assert any(isinstance(module, _BatchNorm) for module in net.modules())
    for results in of_two_processes:
        assert results[name].keys() == expected.keys()
        for key, tensor in expected.items():
            noise = 1e-6 * max(0.01, float(tensor.abs().max()))  # some gradients are zero but for rounding
            assert (results[name][key] - tensor).abs().max() <= noise, key


@pytest.fixture
def alone(monkeypatch) -> None:
    """A process group of one, whose sums are what they are."""
    monkeypatch.setattr("assay.training.sync_batch_norm.sum_over_processes", lambda values: values)


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("tracks", [True, False])
@pytest.mark.parametrize("made", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d])
def test_every_option_of_torchs_batch_norm_is_kept(alone, made, momentum, affine, tracks):
    options = {"momentum": momentum, "affine": affine, "track_running_stats": tracks}
    ours, torchs = (made(3, **options) for _ in range(2))
    sides = {nn.BatchNorm1d: (), nn.BatchNorm2d: (4, 5), nn.BatchNorm3d: (2, 3, 2)}[made]
    swap_batch_norm_classes(ours)
    for seed in range(2):
        x = torch.randn(6, 3, *sides, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(ours(x), torchs(x), rtol=1e-4, atol=1e-5)
    ours.eval(), torchs.eval()
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    for mine, theirs in zip(ours.state_dict().values(), torchs.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours(x), torchs(x), rtol=1e-4, atol=1e-5)


def test_what_a_subclass_adds_is_kept(alone):
    class Clipped(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x).clamp(-0.5, 0.5)

    ours, x = Clipped(2), torch.randn(4, 2, 3, 3)
    expected = Clipped(2)(x)
    swap_batch_norm_classes(ours)
    assert isinstance(ours, Clipped)
    torch.testing.assert_close(ours(x), expected)
    assert ours.num_batches_tracked == 1


def test_a_net_may_be_synchronized_twice(alone):
    norm, x = nn.BatchNorm1d(2), torch.randn(5, 2)
    expected = nn.BatchNorm1d(2)(x)
    for _ in range(2):
        swap_batch_norm_classes(norm)
    torch.testing.assert_close(norm(x), expected)


def test_bf16_activations_are_normalized_in_float32(alone):
    x = torch.randn(50, 2, 4, 4) * 100 + 1000
    out = sync_batch_norm(x.bfloat16(), None, None, training=True)
    assert out.dtype == torch.bfloat16
    expected = functional.batch_norm(x.bfloat16().float(), None, None, training=True)
    torch.testing.assert_close(out.float(), expected, rtol=1e-2, atol=1e-2)


class ByHand(nn.BatchNorm2d):
    """Computes the statistics itself."""

    def forward(self, x):
        return x - x.mean((0, 2, 3), keepdim=True) if self.training else x


class Whitened(nn.Module):
    """Keeps statistics of its batches, and is no batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(2))

    def forward(self, x):
        if self.training:
            self.running_mean.lerp_(x.mean((0, 2, 3)), 0.1)
        return x - x.mean((0, 2, 3), keepdim=True)


class Frozen(nn.Module):
    """Statistics that stay, as in torchvision's FrozenBatchNorm2d."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(2))

    def forward(self, x):
        return x - self.running_mean.view(1, -1, 1, 1)


@pytest.mark.parametrize(
    "layer", [ByHand(2), Whitened(), nn.SyncBatchNorm(2), nn.InstanceNorm2d(2, track_running_stats=True)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_statistics_of_a_batch_that_cannot_be_synchronized_are_refused_and_named(layer):
    with pytest.raises(UsageError, match=rf"several processes cannot train .* its layer 1 \({type(layer).__name__}\)"):
        swap_batch_norm_classes(nn.Sequential(nn.Conv2d(2, 2, 1), layer))


@pytest.mark.parametrize("layer", [Frozen(), nn.InstanceNorm2d(2), nn.GroupNorm(1, 2)], ids=lambda m: type(m).__name__)
def test_layers_without_statistics_of_batches_stay_as_they_are(layer):
    before = type(layer)
    swap_batch_norm_classes(nn.Sequential(layer))
    assert type(layer) is before


def test_looking_at_a_layer_changes_neither_it_nor_the_random_numbers():
    net, state = nn.Sequential(nn.BatchNorm1d(2), Frozen()), torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    swap_batch_norm_classes(net)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


if __name__ == "__main__":
    train_as_one_of_two(Path(sys.argv[1]), int(sys.argv[2]))
