"""A report's table: its figure, ours as meant, ours as done, and what happened."""

import csv
import io

import pytest
from sklearn.metrics import precision_recall_fscore_support

from assay.core.errors import UsageError
from assay.evaluation.predictions import Predictions
from assay.studies.reproduce import (
    HEADER,
    REPORTS,
    SWEEP_HEADER,
    Part,
    Report,
    picked,
    report_rows,
    reproduce,
    swept,
    written,
)
from assay.studies.runner import study

from .conftest import Pruner

STEPS = """\
# Two steps.
base: bars.yaml
changes: {training.epochs: 1}
replicates: 2
plan: {name: ladder, steps: {adam: {optimizer.name: adam}}}
reported: {adam: 0.25}
"""
SEARCH = """\
# A search.
base: bars.yaml
score: loss
replicates: 1
plan: {name: halving, draws: 4, over: {optimizer.lr: [0.05, 0.001], training.batch_size: [50, 100]}}
"""


@pytest.fixture
def report(bars_folder):
    (bars_folder / "steps.yaml").write_text(STEPS)
    (bars_folder / "search.yaml").write_text(SEARCH)
    meant = Part("steps.yaml")
    toy = Report(meant, (Part("steps.yaml", ("double-softmax",)),), (Part("search.yaml"),))
    with REPORTS.replaced("toy", toy):
        yield "toy"


def test_every_study_of_every_report_can_be_made_and_has_a_name_of_its_own():
    for report in (REPORTS[name] for name in REPORTS):
        specs = [part.spec({"scale": 0.1}) for part in (report.meant, *report.done, *report.searches, *report.sweeps)]
        assert all(spec.variants({}) for spec in specs)
        assert len({spec.name for spec in specs}) == len(specs)


def test_as_done_a_study_has_its_faults_in_every_variant():
    meant, done = Part("kth").spec({}), Part("kth", ("double-softmax",)).spec({})
    assert (meant.name, done.name) == ("kth", "kth-as-done")
    assert {one.recipe.faults for one in done.variants({})} == {("double-softmax",)}
    assert [one.name for one in done.variants({})] == [one.name for one in meant.variants({})]


def test_the_table_has_the_reports_figure_ours_as_meant_and_ours_as_done(report, engine):
    table, searches, _ = reproduce(report, {}, engine)
    header, base, adam = csv.reader(io.StringIO(written(table, [], "csv")))
    assert tuple(header) == HEADER
    assert [base[0], adam[0]] == ["base [FAULTY: double-softmax]", "adam [FAULTY: double-softmax]"]
    assert (base[1], adam[1]) == ("–", "25.00")
    assert "the faults change it by" in adam[-1]
    assert "beside base" in adam[-1]
    assert len(searches) == 1


def test_a_search_says_what_it_picks_and_what_that_scores(report, engine):
    _, (search,), _ = reproduce(report, {}, engine)
    text = written([search], [search], "csv").splitlines()[-1]
    longest = [one for one in search.variants() if one.recipe.training.epochs == 2]
    best = max(longest, key=lambda one: search.scores(search.variants())[one.name])
    assert best.name in text


def test_a_search_by_asha_picks_among_the_runs_that_finished(report):
    _, (search,), _ = reproduce(report, {}, Pruner())
    (finished,) = [one for one in search.members() if one.run.status["state"] == "finished"]
    assert picked(search)[1] == finished.variant.name


def test_a_scaled_report_says_so_and_has_folders_of_its_own(report, engine):
    table, searches, _ = reproduce(report, {"scale": 0.25, "replicates": 1}, engine)
    assert written(table, searches, "text").endswith("each cut to its root.")
    assert table[0].folder.name == "steps-replicates-1-scale-0.25-study"


def test_an_unknown_report_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="did you mean kth"):
        reproduce("kht", {})


def test_a_step_that_was_done_again_in_a_further_study_has_another_line_beside_its_own_steps(bars_folder, engine):
    (bars_folder / "steps.yaml").write_text(STEPS)
    (bars_folder / "again.yaml").write_text(STEPS)
    meant, done, again = (
        study(part.spec({"replicates": 1}), engine=engine)
        for part in (Part("steps.yaml"), Part("steps.yaml", ("no-shuffle",)), Part("again.yaml", ("double-softmax",)))
    )
    lines = report_rows([meant, done, again])
    assert [line[0] for line in lines] == [
        "base [FAULTY: no-shuffle]", "base [FAULTY: double-softmax]",
        "adam [FAULTY: no-shuffle]", "adam [FAULTY: double-softmax]",
    ]  # fmt: skip
    assert "on the test set" in lines[3][-1]


def test_a_sweeps_table_has_scikit_learns_figures_and_both_kinds_of_f1(spec, engine):
    found = study(spec, engine=engine)
    header, first, *_ = csv.reader(io.StringIO(swept(found, "csv").partition("\n")[2]))
    assert tuple(header) == SWEEP_HEADER
    runs = [found.member(found.variants()[0], seed).run for seed in spec.seeds]
    tests = [Predictions.load(run.folder / "predictions" / "test.npz") for run in runs]
    each = [
        precision_recall_fscore_support(one.labels, one.logits.argmax(1), average="macro", zero_division=0)[:3]
        for one in tests
    ]
    means = [sum(column) / len(each) for column in zip(*each, strict=True)]
    harmonic = sum(2 * p * r / (p + r) for p, r, _ in each) / len(each)
    assert [float(cell) for cell in first[4:8]] == pytest.approx(
        [100 * value for value in (*means, harmonic)], abs=0.01
    )
