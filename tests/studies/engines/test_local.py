"""The local engine: which runs share a worker, and how many workers there are."""

from assay.core.runtime import Runtime
from assay.studies.engines.local import LocalEngine, group_chains
from assay.studies.study import Study


def test_runs_that_begin_with_anothers_weights_follow_it_in_one_worker(spec):
    plain, shared = spec, spec.replace({"changes": {"faults": ["shared-weights"]}})
    assert [len(chain) for chain in group_chains(Study.locate(plain).trials())] == [1] * 6
    assert [len(chain) for chain in group_chains(Study.locate(shared).trials())] == [3, 3]


def test_on_a_cpu_there_is_a_process_for_each_core(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert LocalEngine.choose(Runtime("cpu", "fp32", 1)).processes == 8
    assert LocalEngine.choose(Runtime("cpu", "fp32", 4)).processes == 2
    assert LocalEngine.choose(Runtime("cuda", "bf16", 4)).processes == 1
    assert LocalEngine.choose(Runtime("cpu", "fp32", 1), processes=3).processes == 3
