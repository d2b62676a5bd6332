"""A study's folder: made once, refused when changed, its runs found where they belong."""

import json

import pytest

from assay.core.errors import UsageError
from assay.studies.plans import Grid, Ladder
from assay.studies.results import collect_rows
from assay.studies.runner import study
from assay.studies.study import WORST, Study

GRID = """\
base: bars.yaml
changes: {training.epochs: 1}
replicates: 1
plan: {name: grid, over: {optimizer.lr: [0.05, 0.01]}}
"""


def test_a_studys_folder_holds_its_file_and_reads_back(spec):
    created = Study.create(spec)
    assert created.folder.name == "steps-study"
    assert Study.open(created.folder) == created
    assert Study.create(spec) == created


def test_a_changed_study_under_a_half_done_folder_is_refused_with_what_differs(spec):
    Study.create(spec)
    with pytest.raises(UsageError, match="another study of the name steps: it differs in replicates"):
        Study.create(spec.replace({"replicates": 3}))


def test_a_study_as_run_resumes_in_the_folder_of_version_0_1(spec):
    old = Study.create(spec.replace({"name": "kth-as-done"}))
    assert Study.create(spec.replace({"name": "kth-as-run"})).folder == old.folder


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no study\.yaml"):
        Study.open(tmp_path)


def test_the_runs_of_a_seed_come_before_those_of_the_next(spec):
    members = Study.locate(spec).trials()
    assert [one.recipe.seed for one in members] == [0, 0, 0, 1, 1, 1]
    assert len({one.folder for one in members}) == 6


def test_a_score_is_the_mean_over_seeds_of_what_the_runs_report(spec, engine):
    found = study(spec, engine=engine)
    variant = found.variants()[0]
    runs = [found.trial(variant, seed).run for seed in (0, 1)]
    accuracies = [run.results["validation"]["accuracy"] for run in runs]
    assert found.scores([variant])["base"] == pytest.approx(sum(accuracies) / 2)
    by_loss = Study(found.folder, spec.replace({"score": "loss"}))
    losses = [run.history[-1].validation_loss for run in runs]
    assert by_loss.scores([variant])["base"] == pytest.approx(-sum(losses) / 2)


def test_a_variant_that_has_not_ended_has_no_score(spec):
    assert Study.locate(spec).scores(Study.locate(spec).variants()) == {}


def test_a_variant_that_diverged_scores_worst(spec, engine):
    wild = spec.replace({"plan": {"name": "grid", "over": {"optimizer.lr": [1e30]}}, "replicates": 1})
    assert list(study(wild, engine=engine).scores(Study.locate(wild).variants()).values()) == [WORST]


def test_only_a_trial_with_shared_weights_starts_from_the_one_before(spec):
    assert {one.start for one in Study.locate(spec).trials()} == {None}
    shared = Study.locate(spec.replace({"changes": {"faults": ["shared-weights"]}}))
    members = shared.trials()
    assert [one.start for one in members] == [
        None, members[0].folder, members[1].folder, None, members[3].folder, members[4].folder,
    ]  # fmt: skip


def test_a_studys_name_stands_for_all_its_variants(spec, engine, assay):
    study(spec, engine=engine)
    found = json.loads(assay("compare", "steps", "--format", "json").out)
    assert [one["first"].rpartition("/")[2].split("-")[0] for one in found] == ["adam", "wider"]
    assert {one["second"].rpartition("/")[2].split("-")[0] for one in found} == {"base"}


@pytest.fixture
def builds(monkeypatch) -> list[str]:
    """The name of the plan, once for each time that its variants are built."""
    names = []

    def count_builds(kind):
        build = kind.variants

        def counting(self, *arguments):
            names.append(self.name)
            return build(self, *arguments)

        monkeypatch.setattr(kind, "variants", counting)

    count_builds(Grid)
    count_builds(Ladder)
    return names


def test_a_dry_run_builds_the_variants_once(bars_folder, assay, builds):
    (bars_folder / "rates.yaml").write_text(GRID)
    assert assay("study", "rates.yaml", "--dry-run", "--replicates", 1).code == 0
    assert builds == ["grid"]


def test_a_whole_run_with_its_table_builds_the_variants_once(bars_folder, assay, engine, builds, monkeypatch):
    (bars_folder / "rates.yaml").write_text(GRID)
    monkeypatch.setattr("assay.cli.study.choose_engine", lambda *_: engine)
    assert assay("study", "rates.yaml").code == 0
    assert builds == ["grid"]


def test_a_plan_with_scores_builds_its_variants_once_for_each_state(spec, engine, builds):
    ladder = {**spec.plan.model_dump(mode="json"), "keep": "better"}
    result = study(spec.replace({"plan": ladder, "replicates": 1}), engine=engine)
    collect_rows(result)
    assert builds == ["ladder"] * 3  # without scores, with two, with three
