"""The Ray engine: two real nodes on loopback, a worker killed, a driver killed, and ASHA by Ray Tune."""

import ipaddress
import json
import os
import re
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.core.errors import AssayError, UsageError
from assay.core.runtime import Runtime
from assay.experiments.run import Run, RunState
from assay.studies.results import collect_rows
from assay.studies.runner import adapt_to_engine, check_complete, study
from assay.studies.spec import StudySpec
from assay.studies.study import Study

ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")

from ray.cluster_utils import Cluster  # noqa: E402

from assay.studies.engines.ray.asha import SEARCH, STORE, build_scheduler  # noqa: E402
from assay.studies.engines.ray.ray_engine import RayEngine  # noqa: E402

TESTS = Path(__file__).parents[2]
RUNTIME = Runtime.choose("cpu", threads=1)
SMALL = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def address():
    """A cluster of two nodes, each with room for one run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # on loopback alone: for processes that begin,
        patch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", False)  # and for this one
        cluster = Cluster(initialize_head=True, head_node_args=SMALL)
        cluster.add_node(**SMALL)
        yield cluster.address
        cluster.shutdown()


@pytest.fixture
def engine(address, bars_folder, monkeypatch):
    """On those nodes, whose workers know the bars."""
    monkeypatch.syspath_prepend(str(TESTS))
    monkeypatch.setenv("RAY_RUNTIME_ENV_HOOK", "assay_with_bars.on_ray")
    return RayEngine.choose(RUNTIME, address=address)


def asha(**changes) -> StudySpec:
    """Four draws, of which only the learning rates 0.05 and 0.02 learn."""
    values = {
        "name": "tuned",
        "base": "bars.yaml",
        "changes": {"training.epochs": 8},
        "score": "loss",
        "replicates": 1,
        "plan": {"name": "asha", "draws": 4, "seed": 14, "over": {"optimizer.lr": [0.05, 0.02, 1e-7, 1e-8]}},
    }
    return StudySpec.model_validate({**values, **changes})


def workers(title: str) -> dict[int, int]:
    """Of Ray's workers of this test that run a function: their processes, each with its node's."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents, name = parent_of(folder.name), (folder / "cmdline").read_bytes()
            if name.startswith(f"ray::{title}".encode()) and is_ours(parents):
                found[int(folder.name)] = parents
        except OSError:
            continue
    return found


def parent_of(process: int | str) -> int:
    return int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])


def is_ours(process: int) -> bool:
    while process > 1 and process != os.getpid():
        process = parent_of(process)
    return process == os.getpid()


def begun(members) -> bool:
    return any(one.run and one.run.history and not one.has_ended for one in members)


def test_as_many_runs_at_once_as_the_nodes_have_room_for(engine, address):
    assert engine.processes == 2
    assert RayEngine.choose(RUNTIME, processes=1, address=address).processes == 1
    with pytest.raises(UsageError, match=r"no node of .* has room"):
        RayEngine.choose(Runtime("cpu", "fp32", 2), address=address)


def test_a_study_on_two_nodes_ends_complete_although_a_worker_was_killed(engine, spec):
    members = Study.create(spec.replace({"changes": {"training.epochs": 60}, "replicates": 1})).trials()
    killed, nodes, ended = None, set(), []
    for event in engine.run(members):
        at_work = workers("train_chain")
        nodes.add(frozenset(at_work.values()))
        if killed is None and begun(members) and at_work:
            killed = min(at_work)
            os.kill(killed, signal.SIGKILL)
        ended += [event] if event else []
    assert killed is not None
    assert max(map(len, nodes)) == 2
    assert sorted(member.folder for member, _ in ended) == sorted(one.folder for one in members)
    assert {wrong for _, wrong in ended} == {None}
    assert {one.run.status["state"] for one in members} == {"finished"}
    assert {len(one.run.looks) for one in members} == {1}


def test_a_search_ends_complete_although_a_worker_was_killed(engine):
    good = {"name": "asha", "draws": 3, "grace": 60, "over": {"optimizer.lr": [0.05, 0.02, 0.01]}}
    found = Study.create(asha(plan=good, changes={"training.epochs": 60}))
    killed, ended = None, []
    for event in engine.search(found, found.trials()):
        at_work = workers("ImplicitFunc")
        if killed is None and begun(found.trials()) and at_work:
            killed = min(at_work)
            os.kill(killed, signal.SIGKILL)
        ended += [event] if event else []
    assert killed is not None
    assert {wrong for _, wrong in ended} == {None}
    assert {one.run.status["state"] for one in found.trials()} == {"finished"}
    assert len(ended) == 3


def test_a_run_on_a_node_has_the_numbers_of_one_here(engine, spec):
    from assay.studies.engines.local import train_trial

    there = study(spec.replace({"replicates": 1}), engine=engine).trials()[0]
    here = Study.create(spec.replace({"name": "here", "replicates": 1})).trials()[0]
    train_trial(here, engine.runtime, mlflow=False)
    assert there.run.results["validation"]["loss"] == here.run.results["validation"]["loss"]


def test_what_goes_wrong_on_a_node_is_said_and_stops_no_other(engine, spec):
    plan = {"name": "grid", "over": {"optimizer.lr": [0.05, 1e30]}}
    found = study(spec.replace({"plan": plan, "replicates": 1}), engine=engine)
    check_complete(found)
    assert [row.state for row in collect_rows(found)] == ["", "diverged"]


STUDY = """\
# Four runs.
base: bars.yaml
changes: {training.epochs: 40}
replicates: 2
plan: {name: ladder, steps: {adam: {optimizer.name: adam}}}
"""
SEARCH_STUDY = """\
# Six draws.
base: bars.yaml
changes: {training.epochs: 20}
score: loss
replicates: 1
plan: {name: asha, draws: 6, grace: 2, over: {optimizer.lr: [0.05, 0.02, 0.01, 0.001, 0.0001, 0.00001]}}
"""


def wait_until(condition, process) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize("text", [STUDY, SEARCH_STUDY], ids=["ladder", "asha"])
def test_a_study_whose_driver_was_killed_goes_on_and_repeats_nothing(engine, address, bars_folder, start_assay, text):
    (bars_folder / "many.yaml").write_text(text)
    words = ("study", "many.yaml", "--engine", "ray", "--address", address, "--format", "json")
    first = start_assay(*words)
    found = Study.locate(StudySpec.model_validate({"name": "many", **yaml_of(text)}))
    wait_until(lambda: any(one.has_ended for one in found.trials()) and begun(found.trials()), first)
    first.kill()
    first.wait()
    ended = {one.folder: (one.folder / "status.json").stat().st_mtime_ns for one in found.trials() if one.has_ended}
    again = start_assay(*words)
    out, said = again.communicate(timeout=240)
    assert again.returncode == 0, said
    assert len(json.loads(out)) == len(found.variants()), "and Ray printed nothing of its own"
    assert all(one.has_ended for one in found.trials())
    assert {one.run.status["state"] for one in found.trials()} <= {"finished", RunState.PRUNED}
    assert {folder: (folder / "status.json").stat().st_mtime_ns for folder in ended} == ended
    if "asha" in text:
        names = [path.name for path in (found.folder / STORE / SEARCH).iterdir() if path.is_dir()]
        searches, trials = zip(*(re.search(r"_(\w{5})_(\d{5})_", name).groups() for name in names), strict=True)
        assert len(set(searches)) == 1, "Ray Tune's own store was resumed"
        assert len(set(trials)) == 6


def yaml_of(text: str) -> dict:
    import yaml

    return yaml.safe_load(text)


def one_by_one(engine: RayEngine) -> RayEngine:
    """With one run at a time the draws are decided in their order, and no decision depends on which run was quicker."""
    return RayEngine(engine.runtime, 1, engine.address)


def test_asha_stops_weak_draws_early_and_they_never_see_the_test_set(engine):
    found = study(asha(), engine=one_by_one(engine))
    assert [one.variant.recipe.optimizer.lr for one in found.trials()] == [0.05, 1e-8, 1e-7, 0.02]
    runs = [one.run for one in found.trials()]
    assert [run.status["state"] for run in runs[:3]] == ["finished", RunState.PRUNED, RunState.PRUNED]
    assert [len(run.history) for run in runs[:3]] == [8, 1, 1]
    for run in runs:
        assert len(run.looks) == (run.status["state"] == "finished")
        assert not run.checkpoint.exists()
    assert (found.folder / STORE / SEARCH).is_dir()


def test_a_loss_divided_by_the_batch_size_makes_asha_stop_the_better_run(engine):
    """The mistake of the report's tuner. After an epoch the losses are about 1.08, of large batches, and 0.76."""
    plan = {"name": "asha", "draws": 2, "seed": 1, "over": {"training.batch_size": [900, 100]}}
    states, picks = {}, {}
    for fault in ((), ("batch-scaled-loss",)):
        changes = {"training.epochs": 4, "optimizer.lr": 0.003, "faults": list(fault)}
        found = study(asha(name=f"search{len(fault)}", plan=plan, changes=changes), engine=one_by_one(engine))
        large, small = found.trials()
        assert large.recipe.training.batch_size == 900
        states[fault] = small.run.status["state"]
        scores = found.scores(found.variants())
        picks[fault] = max(scores, key=scores.__getitem__)
    assert states == {(): "finished", ("batch-scaled-loss",): RunState.PRUNED}
    assert picks == {(): "batch_size=100", ("batch-scaled-loss",): "batch_size=900"}


def test_an_error_in_a_search_is_said_and_tried_again_at_the_next_start(engine, bars_folder):
    (bars_folder / "Bars" / "test-images").rename(bars_folder / "away")
    spec = asha(plan={"name": "asha", "draws": 2, "over": {"optimizer.lr": [0.05, 0.02]}})
    ended = list(filter(None, engine.search(found := Study.create(spec), found.trials())))
    assert len(ended) == 2
    assert all("test-images" in wrong for _, wrong in ended)
    (bars_folder / "away").rename(bars_folder / "Bars" / "test-images")
    check_complete(study(spec, engine=engine))


def test_a_damaged_store_of_rays_is_said_with_the_cure(engine):
    found = Study.create(asha())
    store = found.folder / STORE / SEARCH
    store.mkdir(parents=True)
    for name in ("tuner.pkl", "experiment_state-2026-01-01_00-00-00.json"):
        (store / name).write_bytes(b"cut off")
    with pytest.raises(AssayError, match=r"cannot be read .* Remove it and start the study again"):
        list(engine.search(found, found.trials()))


def test_halving_becomes_asha_in_a_folder_of_its_own(engine):
    halving = asha(plan={"name": "halving", "draws": 3, "grace": 2, "over": {"optimizer.lr": [0.05, 0.02]}})
    spec = adapt_to_engine(halving, engine)
    assert (spec.name, spec.plan.name, spec.plan.grace, spec.plan.draws) == ("tuned-asha", "asha", 2, 3)


def test_no_cluster_at_the_address_is_said(bars_folder):
    with pytest.raises(UsageError, match="HOST:PORT"):
        RayEngine.choose(RUNTIME, address="ray://127.0.0.1:1")


def test_a_cluster_of_our_own_listens_on_loopback_alone(bars_folder):
    with RayEngine.choose(RUNTIME, processes=1).connect():
        assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
        assert listening() <= {"127.0.0.1", "::1"}


def listening() -> set[str]:
    """The addresses on which this process and all that it began listen."""
    ours = [folder for folder in Path("/proc").glob("[0-9]*") if folder.exists() and is_ours(int(folder.name))]
    sockets = {target(handle) for folder in ours for handle in (folder / "fd").iterdir()}
    found = set()
    for file in ("tcp", "tcp6"):
        for line in (Path("/proc/net") / file).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(readable(fields[1].partition(":")[0]))
    return found


def target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def readable(address: str) -> str:
    """An address of /proc/net/tcp: bytes in words of four, each turned round."""
    words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
    found = ipaddress.ip_address(b"".join(words))
    return str(getattr(found, "ipv4_mapped", None) or found)


class Trial(SimpleNamespace):
    """What the scheduler looks at."""

    def is_finished(self) -> bool:
        return self.finished


@pytest.fixture
def trials(bars_folder):
    """A study's scheduler and a trial for each member, its run begun with one epoch of a known loss."""
    found = Study.create(asha())
    store = SimpleNamespace(storage_fs_path=str((found.folder / STORE).resolve()))
    made = []
    for i, one in enumerate(found.trials()):
        Run.create(one.recipe)
        one.run.write_history([epoch(1, float(i))])
        made.append(Trial(trial_id=str(i), config={"run": one.folder.name}, storage=store, finished=False))
    return build_scheduler(found, found.spec.plan), made


def epoch(number: int, loss: float):
    from assay.training.history import Epoch

    return Epoch(number, 1.0, 0.1, loss, 0.5, loss, 0.5, 1.0)


def report(asha, trial, number: int, loss: float) -> str:
    return asha.on_trial_result(None, trial, {"epoch": number, "score": -loss, "last": number == 8})


def test_the_scheduler_stops_a_run_below_the_median_and_writes_it_down(trials):
    asha, (good, bad, *_) = trials
    for trial in (good, bad):
        asha.on_trial_add(None, trial)
    assert report(asha, good, 1, 0.1) == asha.CONTINUE
    assert report(asha, bad, 1, 0.9) == asha.STOP
    (run,) = [run for run in map(Run, Path("runs/tuned-study").glob("*-s0")) if run.status]
    assert run.folder.name == bad.config["run"]
    assert (run.status["state"], run.status["epochs"]) == (RunState.PRUNED, 1)


def test_a_run_at_its_last_epoch_is_never_stopped(trials):
    asha, (good, bad, *_) = trials
    for trial in (good, bad):
        asha.on_trial_add(None, trial)
        report(asha, trial, 1, 0.5)
    report(asha, good, 8, 0.1)
    assert report(asha, bad, 8, 0.9) == asha.CONTINUE


def test_a_run_that_had_ended_and_reports_anew_stays_as_it_was(trials):
    asha, (good, other, *_) = trials
    run = Run(Path("runs/tuned-study") / other.config["run"])
    run.set_status(state="finished", epochs=8)
    for trial in (good, other):
        asha.on_trial_add(None, trial)
    report(asha, good, 1, 0.1)
    assert report(asha, other, 1, 0.9) == asha.CONTINUE
    assert run.status == {"state": "finished", "epochs": 8}


def test_after_a_restart_runs_are_measured_against_those_that_had_ended(trials):
    asha, (ended, late, *_) = trials
    ended.finished = True  # its run has a loss of 0 after the first epoch
    for trial in (ended, late):
        asha.on_trial_add(None, trial)
    assert report(asha, late, 1, 0.5) == asha.STOP
