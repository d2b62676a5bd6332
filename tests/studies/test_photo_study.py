"""A report's nets on photographs: its accuracies beside ours, for the runs that exist."""

import csv
import io

import pytest

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.experiments.photo_evaluation import WAYS, Accuracy, score_photographs
from assay.studies.photo_study import HEADER, photographed
from assay.studies.reproduce import REPORTS, Part, Report, check_photographs
from assay.studies.runner import study

FP32 = Runtime("cpu", "fp32", threads=1)


@pytest.fixture
def done(spec, engine):
    return study(spec.changed({"plan": {"name": "ladder", "steps": {"fast": {"optimizer.lr": 0.1}}}}), engine=engine)


def cells(found, folder):
    return list(csv.reader(io.StringIO(photographed(found, {"base": (0.305, 0.47)}, folder, FP32, "csv"))))


def test_a_line_for_each_net_has_the_reports_figures_and_ours(done, bars_photos):
    header, base, fast = cells(done, bars_photos)
    assert tuple(header) == HEADER
    assert base[:4] == ["base", "2", "30.5", "47.0"]
    assert fast[:4] == ["fast", "2", "–", "–"]
    runs = [done.member(done.variants()[0], seed).run for seed in done.spec.seeds]
    for way, cell in zip(WAYS, base[4:], strict=True):
        ours = Accuracy.over([score_photographs(run, bars_photos, runtime=FP32)[way] for run in runs])
        low, high = ours.interval
        assert cell == f"{100 * ours.mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_nets_without_a_finished_run_are_left_out(done, bars_photos):
    for seed in done.spec.seeds:
        done.member(done.variants()[1], seed).run.set_status(state="failed")
    assert [row[0] for row in cells(done, bars_photos)] == ["net", "base"]


def test_the_text_says_how_many_photographs_there_were(done, bars_photos):
    assert "n = 30 photographs" in photographed(done, {}, bars_photos, FP32, "text")


def test_the_fourth_report_has_figures_for_its_five_nets():
    """Section 4 of the reports: 200 photographs, as they are and blurred."""
    assert REPORTS["own-photos"].photographs["imp2"] == (0.585, 0.79)
    assert list(REPORTS["own-photos"].photographs) == ["base", "imp1", "imp2", "mnet1", "mnet2"]


def test_another_report_has_no_photographs(bars_photos):
    with pytest.raises(UsageError, match="the report kth has no photographs"):
        check_photographs("kth", bars_photos)


def test_a_missing_folder_is_said_before_anything_is_trained(bars_folder, assay):
    done = assay("reproduce", "own-photos", "--scale", "0.001", "--photos", "nowhere", "--no-mlflow")
    assert done.code == 2
    assert "there is no folder or table nowhere" in done.err
    assert not (bars_folder / "runs").exists()


def test_the_command_adds_the_table_to_the_reports(bars_folder, bars_photos, assay, engine, monkeypatch):
    (bars_folder / "one.yaml").write_text(
        "base: bars.yaml\nreplicates: 1\nplan: {name: ladder, steps: {fast: {optimizer.lr: 0.1}}}\n"
    )
    toy = Report(Part("one.yaml"), (Part("one.yaml", ("double-softmax",)),), photographs={"base": (0.4, 0.5)})
    monkeypatch.setattr("assay.cli.reproduce.choose_engine", lambda *_: engine)
    with REPORTS.replaced("toy", toy):
        done = assay("reproduce", "toy", "--full", "--photos", bars_photos, "--format", "csv")
    assert done.code == 0
    first, second = done.out.strip().split("\n\n")
    assert first.startswith("step,report %")
    header, base, _ = csv.reader(io.StringIO(second))
    assert (tuple(header), base[2:4]) == (HEADER, ["40.0", "50.0"])
