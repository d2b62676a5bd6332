"""A report's table: its figure, ours as meant, ours as done, and what happened."""

import csv
import io

import pytest

from assay.errors import UsageError
from assay.studies.reproduce import HEADER, REPORTS, Report, picked, reproduce, written
from assay.studies.spec import read_study

from .conftest import Pruner

STEPS = """\
# Two steps.
base: bars.yaml
changes: {{training.epochs: 1, faults: [{faults}]}}
replicates: 2
plan: {{name: ladder, steps: {{adam: {{optimiser.name: adam}}}}}}
reported: {{adam: 0.25}}
"""
SEARCH = """\
# A search.
base: bars.yaml
score: loss
replicates: 1
plan: {name: halving, draws: 4, over: {optimiser.lr: [0.05, 0.001], training.batch_size: [50, 100]}}
"""


@pytest.fixture
def report(bars_folder, monkeypatch):
    (bars_folder / "meant.yaml").write_text(STEPS.format(faults=""))
    (bars_folder / "done.yaml").write_text(STEPS.format(faults="double-softmax"))
    (bars_folder / "search.yaml").write_text(SEARCH)
    monkeypatch.setitem(REPORTS._things, "toy", Report("meant.yaml", ("done.yaml",), ("search.yaml",)))
    return "toy"


def test_the_studies_of_every_report_are_built_in():
    for name in REPORTS:
        for one in REPORTS[name].names:
            assert read_study(one).variants({})


def test_the_table_has_the_reports_figure_ours_as_meant_and_ours_as_done(report, engine):
    table, searches = reproduce(report, {}, engine)
    header, base, adam = csv.reader(io.StringIO(written(table, [], "csv")))
    assert tuple(header) == HEADER
    assert [base[0], adam[0]] == ["base [FAULTY: double-softmax]", "adam [FAULTY: double-softmax]"]
    assert (base[1], adam[1]) == ("–", "25.00")
    assert "the faults change it by" in adam[-1]
    assert "beside base" in adam[-1]
    assert len(searches) == 1


def test_a_search_says_what_it_picks_and_what_that_scores(report, engine):
    _, (search,) = reproduce(report, {}, engine)
    text = written([search], [search], "csv").splitlines()[-1]
    longest = [one for one in search.variants() if one.recipe.training.epochs == 2]
    best = max(longest, key=lambda one: search.scores(search.variants())[one.name])
    assert best.name in text


def test_a_search_by_asha_picks_among_the_runs_that_finished(report):
    _, (search,) = reproduce(report, {}, Pruner())
    (finished,) = [one for one in search.members() if one.run.status["state"] == "finished"]
    assert picked(search)[1] == finished.variant.name


def test_a_scaled_report_says_so_and_has_folders_of_its_own(report, engine):
    table, searches = reproduce(report, {"scale": 0.25, "replicates": 1}, engine)
    assert written(table, searches, "text").endswith("each cut to its root.")
    assert table[0].folder.name == "meant-replicates-1-scale-0.25-study"


def test_an_unknown_report_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="did you mean kth"):
        reproduce("kht", {})
