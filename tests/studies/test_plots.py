"""The pictures of a study: which there are for its plan, and what they are given."""

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import Interrupted
from assay.report.terminal import RunsProgress
from assay.studies import plots
from assay.studies.plots import draw_study
from assay.studies.results import collect_rows
from assay.studies.runner import study
from assay.studies.study import Study

from .conftest import InThisProcess

ALWAYS = {"intervals", "learning-curves-loss", "learning-curves-accuracy"}


@pytest.fixture(autouse=True)
def with_pictures(without_figures, monkeypatch):
    """Here they are wanted."""
    monkeypatch.setattr("assay.studies.runner.draw_study", draw_study)


@pytest.fixture
def shown(monkeypatch) -> dict:
    """What each figure was drawn of, by its function's name."""
    seen = {}

    def spy(function):
        def call(variants, *rest):
            seen[function.__name__] = (variants, rest)
            return function(variants, *rest)

        return call

    for name in (
        "intervals",
        "waterfall",
        "accuracy_by_hyperparameter",
        "parallel_coordinates",
        "population",
        "learning_curves",
    ):
        monkeypatch.setattr(plots, name, spy(getattr(plots, name)))
    return seen


def stems(found: Study) -> set[str]:
    return {path.stem for path in (found.folder / "figures").iterdir()}


def test_a_ladder_ends_with_a_waterfall_and_no_pictures_of_keys(spec, engine, shown):
    found = study(spec, engine=engine)
    assert stems(found) == {*ALWAYS, "waterfall"}
    assert all(np.asarray(Image.open(path).convert("L")).std() > 5 for path in (found.folder / "figures").iterdir())
    steps, _ = shown["waterfall"]
    assert [one.comparison for one in steps] == [row.comparison for row in collect_rows(found)]


def test_figures_are_given_the_finished_runs(spec, engine, shown):
    found = study(spec, engine=engine)
    for one, row, variant in zip(shown["intervals"][0], collect_rows(found), found.variants(), strict=True):
        assert (one.name, one.accuracies, one.missing) == (row.name, row.validation, 0)
        runs = [found.trial(variant, seed).run for seed in (0, 1)]
        assert [list(history) for history in one.histories] == [[row.to_dict() for row in run.history] for run in runs]


def test_a_grid_shows_what_its_keys_do(spec, engine, shown):
    over = {"optimizer": [{"name": "sgd", "lr": 0.05}, {"name": "adam", "lr": 0.05}], "optimizer.lr": [0.05, 0.001]}
    found = study(spec.replace({"plan": {"name": "grid", "over": over}}), engine=engine)
    assert stems(found) == {*ALWAYS, "by-key", "parallel", "population"}
    values = [dict(one.values) for one in shown["accuracy_by_hyperparameter"][0]]
    assert values == [
        {"optimizer": "sgd:0.05", "lr": 0.05}, {"optimizer": "sgd:0.05", "lr": 0.001},
        {"optimizer": "adam:0.05", "lr": 0.05}, {"optimizer": "adam:0.05", "lr": 0.001},
    ]  # fmt: skip


def test_the_rungs_of_a_search_are_apart_and_its_population_is_the_first(spec, engine, shown):
    plan = {"name": "halving", "draws": 4, "over": {"optimizer.lr": [0.05, 0.01, 0.002, 0.0004]}}
    changes = {"plan": plan, "changes": {"training.epochs": 2}}
    study(spec.replace(changes), engine=engine)
    assert shown["accuracy_by_hyperparameter"][1][0] == "epochs"
    assert {one.values["epochs"] for one in shown["accuracy_by_hyperparameter"][0]} == {1, 2}
    assert {one.values["epochs"] for one in shown["population"][0]} == {1}


def test_one_variant_with_one_run_has_pictures(spec, engine):
    single = {"plan": {"name": "grid", "over": {"optimizer.lr": [0.05]}}, "replicates": 1}
    assert stems(study(spec.replace(single), engine=engine)) == ALWAYS


def test_runs_that_diverged_are_lost(spec, engine, shown):
    wild = {"plan": {"name": "grid", "over": {"optimizer.lr": [0.05, 1e30]}}}
    study(spec.replace(wild), engine=engine)
    assert [(len(one.accuracies), one.missing) for one in shown["intervals"][0]] == [(2, 0), (0, 2)]


def test_a_half_done_study_can_be_drawn(spec, shown):
    with pytest.raises(Interrupted, match="start the same study again"):
        study(spec, engine=InThisProcess(max_runs=4))
    draw_study(Study.locate(spec))
    assert [(len(one.accuracies), one.missing) for one in shown["waterfall"][0]] == [(2, 0), (1, 1), (1, 1)]


def test_a_study_of_which_nothing_was_run_has_no_pictures(spec):
    assert draw_study(Study.create(spec)) == []
    assert not (Study.locate(spec).folder / "figures").exists()


def test_the_picture_of_intervals_says_how_much_of_the_lead_is_luck(spec, engine, shown):
    study(spec, engine=engine)
    notes = shown["intervals"][1][1]
    assert any("points too high by luck alone" in note for note in notes)


def test_where_the_pictures_are_is_said(spec, engine, capsys):
    found = study(spec.replace({"replicates": 1}), engine=engine, progress=RunsProgress())
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("figures: ")]
    assert line.endswith(f"in {found.folder / 'figures'}")
