"""A checkpoint holds all that changes while a net trains; a damaged one, or one of another net, is named."""

import pickle

import pytest
import torch
from torch import nn

from assay.core.errors import DataError
from assay.training.checkpoint import TrainState, copy_weights
from assay.training.history import Epoch

ROW = Epoch(1, 0.3, 0.05, 1 / 3, 0.5, None, None, 1e5)


def stepped(width: int = 4) -> TrainState:
    """A small net after one step of SGD with momentum."""
    net = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    return TrainState(net, optimizer, copy_weights(net), [ROW], step=3, sums=(1.25, 2.0), epoch_seconds=0.7)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "checkpoint" / "state.pt"
    stepped().save(path)
    return path


def test_everything_comes_back(tmp_path):
    one, other = stepped(), stepped()
    one.save(tmp_path / "state.pt")
    other.history, other.step = [], 0
    other.load(tmp_path / "state.pt")
    assert (other.history, other.step, other.sums, other.epoch_seconds) == ([ROW], 3, (1.25, 2.0), 0.7)
    for mine, theirs in ((one.net.state_dict(), other.net.state_dict()), (one.best, other.best)):
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    momenta = zip(one.optimizer.state.values(), other.optimizer.state.values(), strict=True)
    assert all(torch.equal(a["momentum_buffer"], b["momentum_buffer"]) for a, b in momenta)


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:-30], lambda b: b"x" * len(b), lambda b: b[1000:]],
    ids=["empty", "half", "cut", "noise", "headless"],
)
def test_a_damaged_checkpoint_is_named(saved, damage):
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(DataError, match=r"checkpoint/state\.pt: cannot resume from this checkpoint .*; train again"):
        stepped().load(saved)


def test_another_nets_checkpoint_is_refused(saved):
    with pytest.raises(DataError, match="size mismatch"):
        stepped(width=5).load(saved)


def test_a_checkpoint_runs_no_code(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (tmp_path.joinpath("pwned").touch, ())

    path = tmp_path / "state.pt"
    for write in (lambda: path.write_bytes(pickle.dumps(Hostile())), lambda: torch.save({"net": Hostile()}, path)):
        write()
        with pytest.raises(DataError):
            stepped().load(path)
    assert not (tmp_path / "pwned").exists()


def test_copied_weights_do_not_change_with_the_net():
    state = stepped()
    before = copy_weights(state.net)
    with torch.no_grad():
        state.net[0].weight.zero_()
    assert before["0.weight"].abs().sum() > 0
