"""Reproducing a paper: refused before anything is trained, and the command's output."""

import csv
import io

import pytest

from assay.core.errors import UsageError
from assay.studies.paper_tables import PHOTO_HEADER
from assay.studies.papers import PAPERS, Paper, PaperStudy
from assay.studies.reproduce import check_photos, reproduce


def test_an_unknown_paper_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="unknown paper 'kht'; did you mean kth"):
        reproduce("kht", {})


def test_a_paper_without_photos_is_refused(bars_photos):
    with pytest.raises(UsageError, match="the paper kth has no photos"):
        check_photos("kth", bars_photos)


def test_a_missing_folder_is_reported_before_anything_is_trained(bars_folder, assay):
    result = assay("reproduce", "own-photos", "--scale", "0.001", "--photos", "nowhere", "--no-mlflow")
    assert result.code == 2
    assert "there is no folder or table nowhere" in result.err
    assert not (bars_folder / "runs").exists()


def test_the_command_adds_the_table_of_photos_to_the_papers(bars_folder, bars_photos, assay, engine, monkeypatch):
    (bars_folder / "small.yaml").write_text(
        "base: bars.yaml\nreplicates: 1\nplan: {name: ladder, steps: {fast: {optimizer.lr: 0.1}}}\n"
        "reported_on_photos: {base: [0.4, 0.5]}\n"
    )
    paper = Paper(PaperStudy("small.yaml"), as_run=(PaperStudy("small.yaml", ("double-softmax",)),))
    monkeypatch.setattr("assay.cli.reproduce.choose_engine", lambda *_: engine)
    with PAPERS.replaced("toy", paper):
        result = assay("reproduce", "toy", "--full", "--photos", bars_photos, "--format", "csv")
    assert result.code == 0
    first, second = result.out.strip().split("\n\n")
    assert first.startswith("step,paper %")
    header, base, _ = csv.reader(io.StringIO(second))
    assert (tuple(header), base[2:4]) == (PHOTO_HEADER, ["40.0", "50.0"])


def test_the_help_lists_every_paper(assay):
    text = " ".join(assay("reproduce", "--help").out.split())
    assert all(name in text for name in PAPERS)
