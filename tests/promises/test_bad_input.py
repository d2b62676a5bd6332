"""Whatever is wrong with what a user gives: one message that names it, the right exit code, and never a traceback."""

import gzip
import shutil

import pytest

from assay.experiments.run import Run, list_runs

QUIET = ("--threads", 1, "--no-mlflow")


def failed(done, code: int, *told: str) -> None:
    """The command failed with this code, and said these words."""
    assert done.code == code
    assert done.err.startswith("assay: ") or "run: " in done.err
    assert "Traceback" not in done.err
    for words in told:
        assert words in done.err


@pytest.mark.parametrize("file", ["train-images", "train-labels", "test-images", "test-labels"])
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: content[:-100], "is truncated"),
        (lambda content: content[:300] + bytes([content[300] ^ 8]) + content[301:], "is damaged or altered"),
        (lambda content: b"", "is truncated"),
    ],
    ids=["truncated", "flipped", "empty"],
)
def test_a_damaged_data_file_is_named(bars_folder, assay, file, damage, told):
    path = bars_folder / "Bars" / file
    path.write_bytes(damage(path.read_bytes()))
    failed(assay("train", "bars.yaml", "training.epochs=1", *QUIET), 1, f"Bars/{file} {told}", "assay data get bars")


@pytest.mark.parametrize("file", ["train-images", "test-labels"])
def test_a_missing_data_file_is_named_before_training(bars_folder, assay, file):
    (bars_folder / "Bars" / file).unlink()
    failed(assay("train", "bars.yaml", *QUIET), 1, f"Bars/{file} is missing", "assay data get bars")
    assert list_runs() == []


@pytest.mark.data
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_file_of_a_real_data_set_is_named(data_root, tmp_path, assay, monkeypatch, damage):
    folder = tmp_path / "FashionMNIST/raw"
    shutil.copytree(data_root / "FashionMNIST/raw", folder)
    path = next(folder.glob("train-labels-idx1-ubyte*"))
    content = path.read_bytes()
    labels = bytearray(gzip.decompress(content) if path.suffix == ".gz" else content)
    labels[1000] ^= 1
    changed = bytes(labels) if damage == "flipped" else bytes(labels[:-1])
    path.write_bytes(gzip.compress(changed) if path.suffix == ".gz" else changed)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    failed(assay("train", "fashion/cnn", *QUIET, "--runs", tmp_path / "runs"), 1, str(path))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fashion/cnn-nb"], "unknown recipe 'fashion/cnn-nb'; did you mean fashion/cnn-bn"),
        (["bars.yaml", "optimizer.lrr=1"], "unknown key 'optimizer.lrr'; did you mean optimizer.lr"),
        (["bars.yaml", "model.name=kht"], "model.name=kht: model.name: unknown net 'kht'; did you mean kth"),
        (["bars.yaml", "data.name=cifar-10"], "data.name=cifar-10: data.name: unknown data set 'cifar-10'; did you"),
        (["bars.yaml", "optimizer=lion"], "unknown value for optimizer: 'lion'"),
        (["bars.yaml", "training.epochs=ten"], "training.epochs=ten: training.epochs: "),
        (["bars.yaml", "augment=[flipp]"], "unknown augmentation 'flipp'; did you mean flip"),
        (["absent.yaml"], "cannot read the recipe absent.yaml: No such file"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_quoted_with_the_nearest(bars_folder, assay, words, told):
    failed(assay("train", *words, *QUIET), 2, told)
    assert list_runs() == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "training: {epochs",
            "training: {epoch",
            "bars.yaml:13: unknown key 'training.epoch'; did you mean training.ep",
        ),
        ("name: bars", "name: bras", "bars.yaml:2: data.name: unknown data set 'bras'; did you mean bars"),
        ("- relu", "- rellu", "bars.yaml:7: model.layers.1: "),
        ("crop 1", "corp 1", "bars.yaml:3: augment.0: unknown augmentation 'corp'; did you mean crop"),
        ("name: sgd", "name: sdg", "bars.yaml:12: unknown value for optimizer: 'sdg'; did you mean sgd"),
        ("lr: 0.05", "lr: fast", "bars.yaml:12: optimizer.lr: "),
        ("batch_size: 100", "batch_size: 0", "bars.yaml:13: training.batch_size: input should be greater than 0"),
        ("conv 4 3x3", "conv 4 9x9", "bars.yaml:6: model.layers.0: layer 1 'conv 4 9x9'"),
        ("linear 3", "linear 10", "10 outputs, but there are 3 classes; end the net with 'linear 3'"),
        ("- flatten", "- maxpool 9", "bars.yaml:9: model.layers.3: layer 4 'maxpool 9'"),
    ],
)
def test_a_fault_of_a_file_has_its_line(bars_folder, assay, old, new, told):
    path = bars_folder / "bars.yaml"
    path.write_text(path.read_text().replace(old, new))
    failed(assay("train", "bars.yaml", *QUIET), 2, told)
    assert list_runs() == []


def test_impossible_shapes_name_the_layer_and_the_sizes(bars_folder, assay):
    layers = "model.layers=[conv 4 3x3, maxpool 2, conv 8 5x5, flatten, linear 3]"
    failed(assay("train", "bars.yaml", layers, *QUIET), 2, "layer 3 'conv 8 5x5'", "5x5", "3x3")


def test_a_learning_rate_of_ten_thousand_ends_in_words(bars_folder, assay):
    done = assay("train", "bars.yaml", "optimizer.lr=1e4", "augment=[]", *QUIET)
    assert "Traceback" not in done.err
    run = Run.find("latest")
    if done.code:
        failed(done, 1, "first bad tensor is", "lr is 10000")
        assert run.status["state"] == "failed"
    assert all(tensor.isfinite().all() for tensor in run.read_weights().values())


def test_a_loss_that_becomes_nan_names_the_tensor_and_keeps_the_last_good_weights(bars_folder, assay):
    layers = "model.layers=[flatten, linear 16, relu, linear 16, relu, linear 3]"
    done = assay("train", "bars.yaml", "optimizer.lr=1e30", layers, *QUIET)
    failed(done, 1, "first bad tensor is", "The last good weights are kept", "lr is 1e+30", "clip_norm")
    run = Run.find("latest")
    assert run.status["state"] == "failed"
    assert all(tensor.isfinite().all() for tensor in run.read_weights().values())


CUT = (lambda content: content[: len(content) // 2], lambda content: b"", lambda content: content[::-1])


@pytest.mark.parametrize("damage", CUT, ids=["half", "empty", "backwards"])
@pytest.mark.parametrize(
    ("file", "verbs"),
    [
        ("model.safetensors", [("evaluate",), ("predict",)]),
        ("config.json", [("evaluate",), ("predict",)]),
        ("status.json", [("runs", "show"), ("train", "--resume")]),
        ("results.json", [("runs", "show"), ("evaluate",)]),
        ("split.npz", [("validation",)]),
    ],
)
def test_a_damaged_piece_of_a_run_is_named(bars_run, assay, file, verbs, damage):
    path = bars_run.folder / file
    path.write_bytes(damage(path.read_bytes()))
    commands = {
        ("validation",): ("evaluate", "latest", "--data", "validation", "--threads", 1),
        ("predict",): ("predict", "latest", "absent.png"),
        ("evaluate",): ("evaluate", "latest", "--threads", 1),
    }
    for verb in verbs:
        done = assay(*commands.get(verb, (*verb, "latest")))
        failed(done, 1, file)


def test_damaged_looks_are_named(bars_run, assay):
    path = bars_run.folder / "looks.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    for words in (("runs", "show", "latest"), ("evaluate", "latest", "--threads", 1)):
        failed(assay(*words), 1, "looks.jsonl is damaged")


@pytest.mark.parametrize("damage", CUT, ids=["half", "empty", "backwards"])
def test_a_damaged_recipe_of_a_run_is_named(bars_run, assay, damage):
    path = bars_run.folder / "recipe.yaml"
    path.write_bytes(damage(path.read_bytes()))
    for words in (("evaluate", "latest"), ("runs", "show", "latest")):
        failed(assay(*words), 2, "recipe.yaml")


def test_one_damaged_run_does_not_hide_the_others(bars_run, assay):
    broken = bars_run.folder.with_name("broken")
    shutil.copytree(bars_run.folder, broken)
    (broken / "status.json").write_text("{")
    done = assay("runs", "list")
    assert done.code == 0
    assert f"{bars_run.name}  finished" in done.out
    (row,) = [line for line in done.out.splitlines() if "bars/broken" in line]
    assert row.split() == ["bars/broken", "damaged"]
    assert "broken/status.json is damaged" in done.err
