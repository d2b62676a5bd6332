"""A disk that refuses: the message names the file, nothing half-written stays, and nothing of a run is lost before."""

import json
import os
import resource
import shutil
from pathlib import Path

import pytest

QUIET = ("--threads", 1, "--no-mlflow")


def whole(folder: Path) -> None:
    """No half-written file lies in the folder."""
    assert [path for path in folder.rglob("*") if path.name.startswith(".part-")] == []
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())


@pytest.mark.parametrize(("limit", "file"), [(100, "recipe.yaml"), (20_000, "state.pt")])
def test_a_file_that_may_not_grow_is_named(bars_folder, start_assay, limit, file):
    """A limit on the size of files fails a write as a full disk does, for any user and on any Unix."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    layers = "model.layers=[flatten, linear 64, linear 3]"
    process = start_assay("train", "bars.yaml", layers, *QUIET, preexec_fn=limited)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"{file}: File too large. Free some space, or choose another folder with --runs" in said
    assert "Traceback" not in said
    whole(bars_folder / "runs")


def test_a_disk_without_space_is_named(bars_folder, start_assay):
    """A real one: 96 KiB in memory, mounted for this process alone."""
    unshare = shutil.which("unshare")
    if not unshare or os.system(f"{unshare} -rm mount -t tmpfs x /mnt 2>/dev/null"):
        pytest.skip("mounting a small disk is not allowed here")
    (bars_folder / "small").mkdir()
    copy = "mount -t tmpfs -o size=96k x small && "
    after = '; code=$?; find small -name ".part-*"; find small -name status.json -exec cat {} +; exit $code'
    before = (unshare, "-rm", "sh", "-c", copy + '"$@"' + after, "sh")
    layers = "model.layers=[flatten, linear 256, linear 64, linear 3]"
    process = start_assay("train", "bars.yaml", layers, "--runs", "small", *QUIET, before=before)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "cannot write small/bars/" in said
    assert "No space left on device" in said or "Is the disk full?" in said
    assert "Traceback" not in said
    assert json.loads(out)["state"] in ("running", "failed")  # and no name of a half-written file before it


@pytest.fixture
def bound() -> tuple[str, ...]:
    """A command that makes permissions bind for root too; nothing for a user."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if not setpriv:
        pytest.skip("root may write anywhere, and there is no setpriv to take that right away")
    return (setpriv, "--bounding-set=-dac_override,-dac_read_search")


def test_a_folder_for_runs_that_cannot_be_written_is_named(bars_folder, start_assay, bound):
    (bars_folder / "locked").mkdir(mode=0o555)
    process = start_assay("train", "bars.yaml", "--runs", "locked", *QUIET, before=bound)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "cannot write locked/bars: Permission denied. Free some space, or choose another folder with --runs" in said
    assert "Traceback" not in said


def test_a_folder_of_a_run_that_cannot_be_written_is_named(bars_run, start_assay, bound):
    for folder in (bars_run.folder, bars_run.folder / "predictions"):
        folder.chmod(0o555)
    before = {path: path.read_bytes() for path in bars_run.folder.rglob("*") if path.is_file()}
    (bars_run.folder / "looks.jsonl").chmod(0o444)
    process = start_assay("evaluate", "latest", "--threads", 1, before=bound)
    _, said = process.communicate(timeout=120)
    for folder in (bars_run.folder, bars_run.folder / "predictions"):
        folder.chmod(0o755)
    assert process.returncode == 1
    assert "looks.jsonl: Permission denied" in said
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in bars_run.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("taken", ["runs", "runs/bars"])
def test_a_file_where_a_folder_should_be_is_named(bars_folder, assay, taken):
    (bars_folder / taken).parent.mkdir(exist_ok=True)
    (bars_folder / taken).write_text("mine")
    done = assay("train", "bars.yaml", *QUIET)
    assert done.code == 1
    assert "cannot write runs/bars: " in done.err
    assert (bars_folder / taken).read_text() == "mine"
