"""The runtime chooses device and precision soundly, and computes as it promises."""

import platform
import resource
import shutil
import sys
from dataclasses import replace

import pytest
import torch

from assay.core.errors import UsageError
from assay.core.runtime import Runtime

FP32 = Runtime("cpu", "fp32", threads=1)


def test_what_is_asked_for_is_chosen():
    assert Runtime.choose("cpu", "fp32", 1) == FP32
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tpu",), "unknown device 'tpu'; known: auto, cpu, cuda, mps"),
        (("cpu", "fp64"), "unknown precision 'fp64'; known: auto, bf16, fp32"),
        (("cpu", "auto", 0), "--threads must be at least 1"),
    ],
)
def test_what_cannot_be_is_a_usage_error(arguments, told):
    with pytest.raises(UsageError, match=told):
        Runtime.choose(*arguments)


def test_a_device_that_is_not_here_is_a_usage_error():
    for name in (name for name in ("cuda", "mps") if not getattr(torch, name).is_available()):
        with pytest.raises(UsageError, match=f"device '{name}' is not available here"):
            Runtime.choose(name)


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_large_buffers_are_kept_for_the_next_step():
    """Memory that is mapped anew faults at each of its pages; kept memory does not."""

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.empty(64 * 2**20, dtype=torch.uint8).fill_(1)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    Runtime.choose("cpu", "fp32", 1)
    lowest = min(faults() for _ in range(20))  # the first few still make room
    assert lowest < 64 * 2**20 / resource.getpagesize() / 100


def test_bf16_computes_in_bf16_and_exact_does_not():
    half, weights = Runtime("cpu", "bf16", threads=1), torch.ones(2, 2)
    with half.autocast():
        assert (weights @ weights).dtype == torch.bfloat16
    with half.exact().autocast():
        assert (weights @ weights).dtype == torch.float32
    assert half.exact() == FP32


def test_batches_and_nets_are_channels_last():
    assert FP32.batch(torch.zeros(2, 3, 4, 4)).is_contiguous(memory_format=torch.channels_last)
    net = FP32.place(torch.nn.Conv2d(3, 4, 3))
    assert net.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_net_stays_as_it_is_on_a_cpu():
    net = torch.nn.Linear(2, 2)
    assert Runtime.choose("cpu", "fp32", 1).compile(net) is net


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, from its compiler
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_a_compiled_net_gives_the_same_and_shares_its_weights():
    net, x = torch.nn.Linear(4, 2), torch.rand(3, 4)
    forward = replace(FP32, compiled=True).compile(net)
    assert torch.allclose(forward(x), net(x), atol=1e-6)
    with torch.no_grad():
        net.weight.zero_()
    assert torch.allclose(forward(x), net.bias.expand(3, 2), atol=1e-6)


def test_the_environment_names_what_can_change_the_bits():
    recorded = FP32.environment()
    assert FP32.changes(recorded) == []
    other = Runtime("cpu", "bf16", threads=2)
    assert other.changes(recorded) == ["precision was fp32, is bf16", "threads was 1, is 2"]
    recorded["versions"]["torch"] = "1.0"
    assert FP32.changes(recorded) == [f"torch was 1.0, is {torch.__version__}"]
    assert len(FP32.changes({})) == 7  # nothing recorded: everything may have changed


def test_only_what_is_not_asked_for_is_open(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    default = Runtime.choose("cpu")
    assert (default.measures_precision, default.measures_threads, default.max_threads) == (True, True, 4)
    fixed = Runtime.choose("cpu", "fp32", 2)
    assert fixed == fixed.as_fixed() == fixed.as_measured()
    threads = Runtime.choose("cpu", threads=2)
    assert (threads.measures_precision, threads.measures_threads, threads.max_threads) == (True, False, None)


def test_the_environment_says_whether_the_threads_may_change():
    assert replace(FP32, max_threads=2).environment()["threads_may_change"] is True
    environment = FP32.environment()
    assert environment["threads_may_change"] is False
    assert not environment.keys() & {"measures_precision", "measures_threads", "max_threads"}


OPEN = Runtime("cpu", "fp32", threads=4, measures_precision=True, measures_threads=True, max_threads=4)


def test_a_resumed_run_takes_what_was_recorded_and_measures_nothing():
    recorded = Runtime("cpu", "bf16", threads=2, channels_last=False).environment()
    expected = Runtime("cpu", "bf16", threads=2, channels_last=False, max_threads=4)
    assert OPEN.as_recorded(recorded) == expected


def test_what_an_option_fixes_is_not_taken_from_the_record():
    recorded = Runtime("cpu", "bf16", threads=2).environment()
    assert FP32.as_recorded(recorded) == FP32


@pytest.mark.parametrize("changes", [{"device_name": "another processor"}, {"device": "cuda"}])
def test_the_record_of_another_processor_is_not_taken(changes):
    assert OPEN.as_recorded({**FP32.environment(), **changes}) == OPEN


def test_a_run_without_a_record_keeps_what_is_open():
    assert OPEN.as_recorded({}) == OPEN


def test_a_net_in_the_standard_memory_format_is_placed_in_it():
    conv = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    placed = replace(FP32, channels_last=False).place(conv)
    assert placed.weight.is_contiguous()
