"""The command as a whole: exit codes, messages on standard error, and a quick --help."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "numpy", "scipy", "sklearn", "matplotlib", "mlflow", "PIL", "safetensors"}


def loaded_by(code: str) -> set[str]:
    """The packages that a fresh Python has loaded after running `code`."""
    script = f"import sys\n{code}\nprint()\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    ["import assay", *(f"from assay.cli.main import run; run({words})" for words in (["--help"], ["train", "-h"]))],
)
def test_import_and_help_load_nothing_heavy(code):
    loaded = loaded_by(code)
    assert "assay" in loaded
    assert not loaded & HEAVY


def test_version_is_that_of_the_package(assay):
    from importlib.metadata import version

    assert assay("--version").out == f"assay {version('assay')}\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["train", "--help"], ["runs", "-h"]])
def test_help_names_the_verbs_or_options(assay, words):
    done = assay(*words)
    assert "Usage:" in done.out + done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trian"], "No such command 'trian'"),
        (["train", "--bogus"], "No such option: --bogus"),
        (["predict"], "Missing argument 'RUN'"),
        (["train", "kth/3.2", "--threads", "two"], "Invalid value for '--threads'"),
        (["train", "kth/3.2", "--threads", "0"], "--threads must be at least 1 (given: 0)"),
        (["train", "kth/3.2", "--device", "tpu"], "unknown device 'tpu'; known: auto, cpu, cuda, mps"),
        (["train", "kth/3.2", "--precision", "fp8"], "unknown precision 'fp8'"),
        (["train", "kth/3.2", "training.epochs"], "'training.epochs' is not of the form key=value"),
        (["train", "kth/3.2", "augment=[flip"], "augment=[flip: the value is not valid YAML"),
        (["train", "kth/3.3"], "unknown recipe 'kth/3.3'; did you mean kth/3.2"),
        (["runs", "show", "none"], "no run 'none': there are no runs in runs yet"),
        (["train", "--resume", "none"], "no run 'none'"),
    ],
)
def test_a_wrong_request_ends_with_2_and_one_message(bars_folder, assay, words, told):
    done = assay(*words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err
    assert not (bars_folder / "runs").exists()


def test_help_lists_what_the_registries_hold(assay):
    from assay.report.tables.formats import FORMATS
    from assay.studies.engines import ENGINES
    from assay.studies.papers import PAPERS

    text = assay("reproduce", "--help").out
    assert [name for name in (*FORMATS, *ENGINES, *PAPERS) if name not in text] == []
