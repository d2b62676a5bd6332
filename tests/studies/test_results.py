"""A study's table: every variant beside the one it builds on, with intervals, p by Holm and what is of note."""

import csv
import io
import json

import pytest

from assay.evaluation.intervals import mean_interval
from assay.evaluation.statistics import holm, winners_curse
from assay.studies.results import Row, collect_rows
from assay.studies.runner import study
from assay.studies.study_table import HEADER, format_cells, format_study, table_notes

from .conftest import Pruner


@pytest.fixture
def found(spec, engine):
    return study(spec, engine=engine)


def test_a_row_has_the_accuracies_of_its_runs(found):
    base = collect_rows(found)[0]
    runs = [found.trial(found.variants()[0], seed).run for seed in (0, 1)]
    assert base.validation == tuple(run.results["validation"]["accuracy"] for run in runs)
    assert base.test == tuple(run.results["test"]["accuracy"] for run in runs)
    assert (base.seeds, base.epochs) == (2, 1)


def test_a_step_is_compared_with_what_it_builds_on_and_p_is_corrected(found):
    base, adam, wider = collect_rows(found)
    assert base.comparison is None
    assert (adam.comparison.first, adam.comparison.second) == ("adam", "base")
    assert (wider.comparison.first, wider.comparison.second) == ("wider", "adam")
    compared = [adam.comparison, wider.comparison]
    assert [one.adjusted_p for one in compared] == pytest.approx(holm([one.seeds.p for one in compared]))


def test_an_interval_is_over_seeds_and_over_the_images_of_the_runs(found):
    row = collect_rows(found)[1]
    run = found.trial(found.variants()[1], 0).run
    assert row.interval == mean_interval(row.validation, run.results["validation"]["n"])
    assert row.test_interval == mean_interval(row.test, run.results["test"]["n"])


def test_json_has_the_intervals_and_their_numbers_of_images(found):
    row, values = collect_rows(found)[1], json.loads(format_study(collect_rows(found), "json"))[1]
    assert (values["interval"], values["test_interval"]) == (list(row.interval), list(row.test_interval))
    assert (values["validation_n"], values["test_n"]) == (row.validation_n, row.test_n)


def test_cells_of_a_grid_are_compared_with_the_best(spec, engine):
    plan = {"name": "grid", "over": {"optimizer.lr": [0.05, 0.0001]}}
    best, worse = collect_rows(study(spec.replace({"plan": plan}), engine=engine))
    assert best.comparison is None
    assert worse.comparison.second == best.name


def test_a_net_that_learned_nothing_is_stuck_at_chance(spec, engine):
    plan = {"name": "grid", "over": {"optimizer.lr": [1e-12]}}
    (row,) = collect_rows(study(spec.replace({"plan": plan}), engine=engine))
    assert row.state == "stuck at chance"


def test_a_net_whose_last_epoch_was_its_best_is_still_improving(spec, engine):
    changes = {"training.epochs": 3, "optimizer.lr": 0.001, "stopping.metric": "loss"}
    (row,) = collect_rows(
        study(
            spec.replace({"plan": {"name": "grid", "over": {key: [value] for key, value in changes.items()}}}),
            engine=engine,
        )
    )
    assert row.state == "still improving"


def test_a_run_that_was_stopped_early_shows_how_far_it_came_and_is_compared_with_nothing(spec):
    plan = {"name": "asha", "draws": 3, "over": {"optimizer.lr": [0.05, 0.01, 0.001]}}
    finished, *stopped = collect_rows(study(spec.replace({"plan": plan, "replicates": 1}), engine=Pruner()))
    assert len(finished.validation) == 1
    for row in stopped:
        assert (row.state, row.validation, row.comparison) == ("stopped early after 1 epoch", (), None)
        shown = dict(zip(HEADER, format_cells(row), strict=True))
        assert (shown["validation %"], shown["runs"], shown["epochs"]) == ("99.90", "0 of 1", "1")


def test_the_table_says_for_how_many_comparisons_p_is_corrected(spec, engine):
    plan = {"name": "grid", "over": {"optimizer.lr": [0.05, 0.01, 0.001]}}
    table = format_study(collect_rows(study(spec.replace({"plan": plan, "replicates": 2}), engine=engine)), "text")
    assert "p is corrected for 3 comparisons (Holm)." in table


def test_faults_stand_behind_the_name_in_every_format(spec, engine):
    changes = {**spec.changes, "faults": ["double-softmax"]}
    table = collect_rows(study(spec.replace({"changes": changes}), engine=engine))
    assert "base [FAULTY: double-softmax]" in format_study(table, "csv")
    assert "\033[1;31m[FAULTY: double-softmax]" in format_study(table, "text")
    assert "**[FAULTY: double-softmax]**" in format_study(table, "markdown")
    assert r"\textcolor{red}{[FAULTY: double-softmax]}" in format_study(table, "latex")
    assert json.loads(format_study(table, "json"))[0]["faults"] == ["double-softmax"]


def test_the_table_is_written_with_a_line_for_each_variant(found):
    header, *lines = csv.reader(io.StringIO(format_study(collect_rows(found), "csv")))
    assert tuple(header) == HEADER
    assert [line[0] for line in lines] == ["base", "adam", "wider"]


def row(name: str, *accuracies: float) -> Row:
    return Row(name, (), len(accuracies), accuracies, accuracies, 100, 100, None, 1.0, 1.0, (), None)


def test_the_best_of_many_comes_with_its_curse():
    table = [row("a", 0.90, 0.92), row("b", 0.91, 0.93), row("c", 0.88, 0.90)]
    expected = winners_curse(0.01, 3)  # each mean of two has a standard error of 0.01
    (remark,) = table_notes(table)
    assert remark.startswith("b is the best of 3")
    assert f"{100 * expected:.2f} points" in remark


def test_of_single_runs_nobody_knows_how_much_is_luck():
    assert table_notes([row("a", 0.9), row("b", 0.91), row("c", 0.8)])[0].startswith("One run each")
    assert table_notes([row("a", 0.9), row("b", 0.91)]) == []


def test_only_the_last_rung_of_a_search_contends_and_is_compared(spec, engine):
    plan = {"name": "halving", "draws": 4, "over": {"optimizer.lr": [0.05, 0.02, 0.01, 0.001]}}
    search = spec.replace({"changes": {"training.epochs": 2}, "plan": plan, "replicates": 1})
    table = collect_rows(study(search, engine=engine))
    assert [row.is_finalist for row in table] == [False] * 4 + [True] * 2
    assert all(row.comparison is None for row in table[:4])
    assert sum(row.comparison is not None for row in table[4:]) == 1
    assert table_notes(table) == []
