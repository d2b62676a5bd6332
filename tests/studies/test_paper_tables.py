"""A paper's tables: its numbers, ours as intended and as run, and what happened."""

import csv
import io

import pytest
from sklearn.metrics import precision_recall_fscore_support

from assay import load
from assay.core.runtime import Runtime
from assay.data.photo_files import find_photos
from assay.evaluation.predictions import Predictions
from assay.experiments.photo_evaluation import WAYS, Accuracy, score_photographs, shrink
from assay.studies.paper_tables import (
    HEADER,
    PHOTO_HEADER,
    SWEEP_HEADER,
    compare_steps,
    describe_search,
    format_paper,
    format_photos,
    format_sweep,
)
from assay.studies.papers import PaperStudy
from assay.studies.reproduce import Reproduction, reproduce
from assay.studies.runner import study

from .conftest import Pruner
from .toy_paper import STEPS

FP32 = Runtime("cpu", "fp32", threads=1)


def read_csv(text):
    return list(csv.reader(io.StringIO(text)))


def test_the_table_has_the_papers_number_ours_as_intended_and_ours_as_run(toy_paper, engine):
    result = reproduce(toy_paper, {}, engine)
    header, base, adam = read_csv(format_paper(Reproduction(result.table, [], []), "csv"))
    assert tuple(header) == HEADER
    assert [base[0], adam[0]] == ["base [FAULTY: double-softmax]", "adam [FAULTY: double-softmax]"]
    assert (base[1], adam[1]) == ("–", "25.00")
    assert "the faults change it by" in adam[-1]
    assert "vs base" in adam[-1]
    assert len(result.searches) == 1


def test_a_search_prints_what_it_picks_and_its_score(toy_paper, engine):
    (search,) = reproduce(toy_paper, {}, engine).searches
    text = format_paper(Reproduction([search], [search], []), "csv").splitlines()[-1]
    longest = [variant for variant in search.variants() if variant.recipe.training.epochs == 2]
    best = max(longest, key=lambda variant: search.scores(search.variants())[variant.name])
    assert best.name in text


def test_a_search_by_asha_picks_among_the_runs_that_finished(toy_paper):
    (search,) = reproduce(toy_paper, {}, Pruner()).searches
    (finished,) = [trial for trial in search.trials() if trial.run.status["state"] == "finished"]
    assert describe_search(search)[1] == finished.variant.name


def test_a_scaled_paper_has_a_note_and_folders_of_its_own(toy_paper, engine):
    result = reproduce(toy_paper, {"scale": 0.25, "replicates": 1}, engine)
    assert format_paper(result, "text").endswith("each multiplied by its root.")
    assert result.table[0].folder.name == "steps-replicates-1-scale-0.25-study"


def test_a_step_that_a_further_study_repeats_has_another_line_next_to_its_own_steps(bars_folder, engine):
    (bars_folder / "steps.yaml").write_text(STEPS)
    (bars_folder / "again.yaml").write_text(STEPS)
    studies = [
        study(paper_study.spec({"replicates": 1}), engine=engine)
        for paper_study in (
            PaperStudy("steps.yaml"),
            PaperStudy("steps.yaml", ("no-shuffle",)),
            PaperStudy("again.yaml", ("double-softmax",)),
        )
    ]
    lines = compare_steps(studies)
    assert [line[0] for line in lines] == [
        "base [FAULTY: no-shuffle]", "base [FAULTY: double-softmax]",
        "adam [FAULTY: no-shuffle]", "adam [FAULTY: double-softmax]",
    ]  # fmt: skip
    assert "on the test set" in lines[3][-1]


def test_a_sweeps_table_has_scikit_learns_metrics_and_both_kinds_of_f1(spec, engine):
    sweep = study(spec, engine=engine)
    header, first, *_ = read_csv(format_sweep(sweep, "csv").partition("\n")[2])
    assert tuple(header) == SWEEP_HEADER
    tests = [
        Predictions.load(run.folder / "predictions" / "test.npz") for run in sweep.runs(sweep.variants()[0])
    ]  # fmt: skip
    metrics = [
        precision_recall_fscore_support(test.labels, test.logits.argmax(1), average="macro", zero_division=0)[:3]
        for test in tests
    ]
    means = [sum(column) / len(metrics) for column in zip(*metrics, strict=True)]
    harmonic = sum(2 * p * r / (p + r) for p, r, _ in metrics) / len(metrics)
    assert [float(cell) for cell in first[4:8]] == pytest.approx(
        [100 * value for value in (*means, harmonic)], abs=0.01
    )


@pytest.fixture
def photo_study(spec, engine):
    changes = {
        "plan": {"name": "ladder", "steps": {"fast": {"optimizer.lr": 0.1}}},
        "reported_on_photos": {"base": [0.305, 0.47]},
    }
    return study(spec.replace(changes), engine=engine)


def test_a_line_for_each_net_has_the_papers_accuracies_and_ours(photo_study, bars_photos):
    header, base, fast = read_csv(format_photos(photo_study, bars_photos, FP32, "csv"))
    assert tuple(header) == PHOTO_HEADER
    assert base[:4] == ["base", "2", "30.5", "47.0"]
    assert fast[:4] == ["fast", "2", "–", "–"]
    runs = photo_study.runs(photo_study.variants()[0])
    for way, cell in zip(WAYS, base[4:], strict=True):
        ours = Accuracy.over([score_photographs(run, bars_photos, squeeze=True, runtime=FP32)[way] for run in runs])
        low, high = ours.interval
        assert cell == f"{100 * ours.mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_nets_without_a_finished_run_are_left_out(photo_study, bars_photos):
    for run in photo_study.runs(photo_study.variants()[1]):
        run.set_status(state="failed")
    assert [row[0] for row in read_csv(format_photos(photo_study, bars_photos, FP32, "csv"))] == ["net", "base"]


def test_the_study_squeezes_photos_as_the_papers_tool_does_and_says_so(photo_study, bars_photos):
    text = format_photos(photo_study, bars_photos, FP32, "text")
    assert "Like load_img, both squeeze a photo\nthat is not square" in text
    classifier = load(photo_study.runs(photo_study.variants()[0])[0], runtime=FP32)
    images = shrink(find_photos(bars_photos), classifier, "nearest pixel", squeeze=True)
    stored = {path.parent.name for path in photo_study.folder.glob("*/predictions/photographs-*/as-they-are.npz")}
    squeezed = shrink(find_photos(bars_photos), classifier, "as they are", squeeze=True)
    assert stored == {f"photographs-mine-{squeezed.fingerprint[:8]}"}
    assert images.fingerprint != squeezed.fingerprint


def test_the_text_gives_the_number_of_photos(photo_study, bars_photos):
    assert "n = 30 photos" in format_photos(photo_study, bars_photos, FP32, "text")
