"""A study from its first run to its table: nothing run twice, nothing lost, and what is said before it starts."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.core.errors import AssayError, Interrupted, UsageError
from assay.experiments.run import Run
from assay.report.terminal import RunsProgress
from assay.studies import runner
from assay.studies.results import collect_rows
from assay.studies.runner import check_complete, describe, follow, study
from assay.studies.study import WORST, Study

from .conftest import InThisProcess, Pruner


def test_a_study_runs_every_variant_with_every_seed(spec, engine):
    found = study(spec, engine=engine)
    runs = [Run.open(folder) for folder in engine.folders]
    assert [(run.recipe.name.rpartition("/")[2], run.recipe.seed) for run in runs] == [
        ("base", 0), ("adam", 0), ("wider", 0), ("base", 1), ("adam", 1), ("wider", 1),
    ]  # fmt: skip
    assert {run.folder.parent for run in runs} == {found.folder}
    assert {run.status["state"] for run in runs} == {"finished"}


def test_each_trial_begins_with_fresh_weights_that_follow_from_its_seed(spec, engine):
    study(spec, engine=engine)
    hashes = [Run.open(folder).read_json("config.json")["initial_weights"] for folder in engine.folders]
    assert hashes[0] == hashes[1] == hashes[2]
    assert hashes[3] == hashes[4] == hashes[5] != hashes[0]


def test_a_study_that_was_stopped_goes_on_and_repeats_nothing(spec):
    stopped, other = InThisProcess(max_runs=2), InThisProcess()
    with pytest.raises(Interrupted, match="start the same study again"):
        study(spec, engine=stopped)
    found = study(spec, engine=other)
    assert len(stopped.folders) == 2
    assert len(other.folders) == 4
    assert not set(stopped.folders) & set(other.folders)
    undisturbed = study(spec.replace({"name": "undisturbed"}), engine=InThisProcess())
    assert [row.validation for row in collect_rows(found)] == [row.validation for row in collect_rows(undisturbed)]


def test_a_finished_study_runs_nothing_again(spec, engine):
    study(spec, engine=engine)
    again = InThisProcess()
    study(spec, engine=again)
    assert again.folders == []


def test_a_ladder_that_keeps_what_is_better_decides_as_it_goes(spec, engine):
    plan = {**spec.plan.model_dump(mode="json"), "keep": "better"}
    found = study(spec.replace({"plan": plan}), engine=engine)
    base, adam, wider = collect_rows(found)
    assert wider.comparison.second == ("adam" if sum(adam.validation) > sum(base.validation) else "base")


def test_what_diverges_is_a_result_and_is_not_tried_again(spec, engine):
    plan = {"name": "grid", "over": {"optimizer.lr": [0.05, 1e30]}}
    wild = spec.replace({"plan": plan, "replicates": 1})
    found = study(wild, engine=engine)
    check_complete(found)
    assert [row.state for row in collect_rows(found)] == ["", "diverged"]
    again = InThisProcess()
    study(wild, engine=again)
    assert again.folders == []


def test_what_fails_otherwise_is_said_and_tried_again_at_the_next_start(spec, engine, monkeypatch):
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", refuse)
    found = study(spec.replace({"replicates": 1}), engine=engine)
    with pytest.raises(AssayError, match="3 of 3 runs failed"):
        check_complete(found)
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)
    again = InThisProcess()
    check_complete(study(spec.replace({"replicates": 1}), engine=again))
    assert again.folders == engine.folders


def refuse(*_) -> None:
    raise AssayError("no pictures today")


def test_a_second_process_on_the_same_study_is_refused(spec, engine):
    with Study.create(spec).file_lock(), pytest.raises(AssayError, match="another process is running"):
        study(spec, engine=engine)


def test_two_studies_side_by_side_share_a_runs_folder(spec, engine):
    first = study(spec, engine=engine)
    second = study(spec.replace({"name": "others"}), engine=engine)
    assert first.folder.parent == second.folder.parent
    assert len(set(engine.folders)) == 12


def test_before_it_starts_it_says_runs_work_time_and_what_the_plan_mixes_up(spec, engine):
    lines = describe(Study.locate(spec), engine)
    assert lines[0].startswith("steps: 3 variants, 2 seeds each: 6 runs, 0 of them done")
    assert "PFLOP, about" in lines[1]
    assert "batch size, 100 to 50, at equal epochs" in lines[2]
    assert not Study.locate(spec).folder.exists()


def test_a_study_whose_validation_share_rounds_to_no_image_is_refused_before_it_trains(spec, engine):
    with pytest.raises(UsageError, match=r"steps: data\.validation: 0\.0001 leaves no image for validation"):
        study(spec.replace({"changes": {"data.validation": 0.0001}}), engine=engine)
    assert engine.folders == []


def test_the_run_with_the_most_work_is_the_one_that_is_timed(spec, engine, monkeypatch):
    prepared, plain = [], runner.set_up
    monkeypatch.setattr(runner, "set_up", lambda recipe, *rest: prepared.append(recipe) or plain(recipe, *rest))
    grid = {"name": "grid", "over": {"training.epochs": [1, 3, 2]}}
    describe(Study.locate(spec.replace({"plan": grid, "changes": {}})), engine)
    assert [recipe.training.epochs for recipe in prepared] == [3]


def test_the_time_left_is_estimated_once_enough_of_the_work_is_done(monkeypatch):
    estimates, work = [], {"0": 1.0, "1": 4.0, "2": 200.0}
    monkeypatch.setattr(runner, "cost", lambda recipe: SimpleNamespace(flop=work[recipe]))
    monkeypatch.setattr(runner, "describe_result", lambda trial: "")
    trials = [SimpleNamespace(folder=Path(name), recipe=name, run=None) for name in work]
    progress = SimpleNamespace(
        update=lambda share, text, seconds_left: estimates.append(seconds_left), on_message=lambda text: None
    )
    follow(iter([(trial, None) for trial in trials]), trials, progress)
    assert estimates[0] is None
    assert estimates[1] > 0
    assert estimates[2] == 0


def test_an_as_run_trial_starts_from_the_weights_before_it(spec, engine):
    shared = spec.replace({"changes": {**spec.changes, "faults": ["shared-weights"]}, "replicates": 1})
    study(shared, engine=engine)
    first, second, third = (Run.open(folder).read_json("config.json")["initial_weights"] for folder in engine.folders)
    assert len({first, second, third}) == 3


DRAWS = {"draws": 3, "over": {"optimizer.lr": [0.05, 0.01, 0.001]}}


def test_asha_is_refused_by_an_engine_that_cannot_stop_runs(spec, engine):
    asha = spec.replace({"plan": {"name": "asha", **DRAWS}})
    with pytest.raises(UsageError, match="use plan halving, or --engine ray"):
        study(asha, engine=engine)
    assert not Study.locate(asha).folder.exists()


def test_halving_is_asha_in_a_folder_of_its_own_for_an_engine_that_can(spec):
    halving = spec.replace({"plan": {"name": "halving", **DRAWS}, "replicates": 1})
    found = study(halving, engine=Pruner())
    assert found.folder.name == "steps-asha-study"
    assert found.spec.plan == halving.plan.for_engine(can_stop_runs=True)
    assert study(halving, engine=InThisProcess()).folder.name == "steps-study"


def test_a_run_that_was_stopped_early_has_ended_and_is_never_the_best(spec, capsys):
    found = study(
        spec.replace({"plan": {"name": "asha", **DRAWS}, "replicates": 1}), engine=Pruner(), progress=RunsProgress()
    )
    check_complete(found)
    assert capsys.readouterr().err.count("stopped early after 1 epoch") == 2
    scores = found.scores(found.variants())
    states = [one.run.status["state"] for one in found.trials()]
    assert sorted(states) == ["finished", "pruned", "pruned"]
    assert [score == WORST for score in scores.values()] == [state == "pruned" for state in states]
    again = Pruner()
    study(found.spec, engine=again)
    assert again.folders == []
