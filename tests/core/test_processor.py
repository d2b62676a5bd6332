"""What is known about the processor: its name, whether bf16 suits it, and how busy it is."""

import os

import pytest
import torch

from assay.core import processor
from assay.core.processor import CoreUseMeter, can_bf16, prefers_bf16, processor_name


@pytest.fixture
def cpu(monkeypatch):
    """Pretend to have a processor with these fields of /proc/cpuinfo."""

    def pretend(capability: str = "AVX2", **fields: str) -> None:
        monkeypatch.setattr(processor, "cpu_info", lambda field: fields.get(field.replace(" ", "_"), ""))
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)

    return pretend


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("AuthenticAMD", "avx2 avx512_bf16", True),
        ("GenuineIntel", "avx2 avx512_bf16", False),  # 1.5 times slower than fp32, measured
        ("GenuineIntel", "avx512_bf16 amx_bf16", True),
        ("AuthenticAMD", "avx2", False),
    ],
)
def test_an_unmeasured_net_gets_bf16_where_it_was_faster(cpu, vendor, flags, expected):
    cpu(vendor_id=vendor, flags=flags)
    assert prefers_bf16() is expected


@pytest.mark.parametrize(
    ("capability", "fields", "expected"),
    [
        ("AVX2", {"flags": "avx2"}, False),
        ("AVX512", {"flags": "avx512f"}, True),
        ("AVX2", {"flags": "avx512_bf16"}, True),
        ("DEFAULT", {"Features": "asimd bf16"}, True),
    ],
)
def test_bf16_is_measured_only_where_it_may_pay(cpu, capability, fields, expected):
    cpu(capability, **fields)
    assert can_bf16() is expected


def test_the_processor_has_a_name():
    assert processor_name()


def stat(monkeypatch, tmp_path, seconds: float, user: float, idle: float, own: float) -> None:
    """Pretend that this much time has passed since boot, by all cores."""
    ticks = os.sysconf("SC_CLK_TCK")
    path = tmp_path / "stat"
    path.write_text(f"cpu  {int(user * ticks)} 0 0 {int(idle * ticks)} 0 0 0 0 0 0\ncpu0 1 2 3\n")
    times = os.times()
    monkeypatch.setattr(processor, "STAT", path)
    monkeypatch.setattr(processor.time, "monotonic", lambda: seconds)
    monkeypatch.setattr(processor.os, "times", lambda: type(times)((own, 0.0, 0.0, 0.0, 0.0)))


def test_the_use_of_the_cores_is_that_since_the_last_call(monkeypatch, tmp_path):
    stat(monkeypatch, tmp_path, 100, user=50, idle=150, own=10)
    meter = CoreUseMeter()
    stat(monkeypatch, tmp_path, 110, user=65, idle=155, own=15)  # two cores: 5 own, 10 others', 5 idle seconds
    use = meter.read()
    assert use is not None
    assert (use.idle, use.foreign) == pytest.approx((0.5, 1.0))


def test_without_proc_stat_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "STAT", tmp_path / "missing")
    assert CoreUseMeter().read() is None
