"""`assay study`: runs, table, exit code, and workers that are real processes."""

import json
import sys

import pytest

STEPS = """\
# Two steps.
base: bars.yaml
changes: {training.epochs: 1}
replicates: 2
plan: {name: ladder, steps: {adam: {optimizer.name: adam}}}
"""


@pytest.fixture
def steps(bars_folder):
    (bars_folder / "steps.yaml").write_text(STEPS)
    return "steps.yaml"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(steps, assay, bars_folder):
    done = assay("study", steps, "--dry-run")
    assert done.code == 0
    assert done.out.startswith("steps: 2 variants, 2 seeds each: 4 runs, 0 of them done")
    assert not (bars_folder / "runs").exists()


def test_a_study_with_two_processes_ends_in_a_table(steps, start_assay):
    process = start_assay("study", steps, "--processes", 2, "--no-mlflow", "--format", "json")
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    base, adam = json.loads(out)
    assert (base["name"], len(base["validation"]), adam["comparison"]["second"]) == ("base", 2, "base")
    assert said.count("validation ") == 4
    again = start_assay("study", steps, "--no-mlflow", "--format", "json")
    assert json.loads(again.communicate(timeout=120)[0]) == [base, adam]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("study", "stpes.yaml"), "cannot read the recipe stpes.yaml"),
        (("study", "kht"), "unknown study 'kht'; did you mean kth"),
        (("study", "steps.yaml", "--replicates", "0"), "replicates: input should be greater than 0"),
        (("study", "steps.yaml", "--scale", "2"), "scale: input should be less than or equal to 1"),
        (("study", "steps.yaml", "--dry-run", "--processes", "0"), "at least 1"),
        (("study", "steps.yaml", "--engine", "slurm"), "unknown engine 'slurm'; known: local, ray, stacked"),
        (("study", "steps.yaml", "--address", "127.0.0.1:6379"), "add --engine ray"),
    ],
)
def test_bad_input_is_said_in_one_line(steps, assay, words, message):
    done = assay(*words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_without_ray_its_engine_says_what_to_install(steps, assay, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in [name for name in sys.modules if name.startswith("assay.studies.engines.ray")]:
        monkeypatch.delitem(sys.modules, name)
    done = assay("study", steps, "--engine", "ray")
    assert done.code == 1
    assert "the Ray engine needs the extra 'ray': pip install 'assay[ray]'" in done.err
