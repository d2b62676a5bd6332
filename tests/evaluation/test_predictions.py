"""Predictions: validation, probabilities against scipy, saving and loading, damaged files."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from assay.core.errors import DataError
from assay.evaluation.predictions import Predictions

NAMES = ("cat", "dog", "猫")


def some(n: int = 5, **changes) -> Predictions:
    rng = np.random.default_rng(0)
    parts = {
        "logits": rng.normal(size=(n, 3)).astype(np.float32),
        "labels": rng.integers(0, 3, n),
        "indices": np.arange(100, 100 + n),
        "class_names": NAMES,
        "data": "toy/test",
    }
    return Predictions(**{**parts, **changes})


def test_probabilities_are_the_softmax_of_the_logits_in_double_precision():
    predictions = some()
    assert predictions.probabilities.dtype == np.float64
    np.testing.assert_allclose(predictions.probabilities, softmax(predictions.logits.astype(np.float64), axis=1))


def test_huge_logits_give_finite_probabilities():
    logits = np.array([[3e38, -3e38, 0]], dtype=np.float32)
    predictions = some(1, logits=logits)
    np.testing.assert_array_equal(predictions.probabilities, [[1, 0, 0]])


def test_predicted_is_the_first_greatest_logit():
    logits = np.array([[0, 0, 0], [1, 2, 2], [0, 1, 5]], dtype=np.float32)
    assert some(3, logits=logits).predicted.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logits": np.zeros((5, 3))}, r"logits must be float32 \(5, 3\), not float64"),
        ({"logits": np.zeros((4, 3), np.float32)}, r"not float32 \(4, 3\)"),
        ({"logits": np.zeros((5, 4), np.float32)}, r"not float32 \(5, 4\)"),
        ({"labels": np.zeros(5, np.int32)}, "labels must be int64"),
        ({"indices": np.zeros(4, np.int64)}, "indices must be int64"),
        ({"labels": np.array([0, 1, 2, 3, 0])}, "labels run from 0 to 3, but there are 3 classes"),
        ({"labels": np.array([0, 1, -1, 2, 0])}, "labels run from -1 to 2"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes, message):
    with pytest.raises(DataError, match=message):
        some(**changes)


def test_no_images_is_an_error():
    with pytest.raises(DataError, match="there are no images"):
        some(0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_names_the_first_image(bad):
    logits = np.zeros((5, 3), np.float32)
    logits[2, 1] = logits[4, 0] = bad
    with pytest.raises(DataError, match=r"toy/test: the logits of image 102 are not finite.*1 others"):
        some(logits=logits)


def test_saved_predictions_load_as_they_were(tmp_path: Path):
    before = some()
    before.save(tmp_path / "predictions" / "test.npz")
    after = Predictions.load(tmp_path / "predictions" / "test.npz")
    for name in ("logits", "labels", "indices"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype
    assert (after.class_names, after.data) == (NAMES, "toy/test")


def test_a_missing_file_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(DataError, match=r"no predictions at .*assay evaluate"):
        Predictions.load(tmp_path / "test.npz")


def test_a_truncated_file_is_an_error_at_every_length(tmp_path: Path):
    path = tmp_path / "test.npz"
    some().save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="not a whole predictions file"):
            Predictions.load(path)


def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path: Path):
    path, before = tmp_path / "test.npz", some()
    before.save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            after = Predictions.load(path)
        except DataError:
            continue
        np.testing.assert_array_equal(after.logits, before.logits)
        np.testing.assert_array_equal(after.labels, before.labels)
        assert after.class_names == before.class_names


def test_pickled_objects_are_refused(tmp_path: Path):
    path = tmp_path / "test.npz"
    with path.open("wb") as file:
        np.savez(file, logits=np.array([{"a": 1}], dtype=object), labels=0, indices=0, class_names=0, data=0)
    with pytest.raises(DataError, match="not a whole predictions file"):
        Predictions.load(path)


def test_a_compressed_file_is_refused_before_it_unpacks(tmp_path: Path):
    path = tmp_path / "test.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("logits.npy", bytes(10**6))
    with pytest.raises(DataError, match="it is compressed"):
        Predictions.load(path)


def test_a_file_that_lacks_an_array_is_an_error(tmp_path: Path):
    path = tmp_path / "test.npz"
    with path.open("wb") as file:
        np.savez(file, logits=np.zeros((1, 1), np.float32))
    with pytest.raises(DataError, match="not a whole predictions file"):
        Predictions.load(path)
