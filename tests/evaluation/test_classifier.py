"""A classifier answers by its own net and preprocessing, and refuses images of another kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from assay.core.errors import DataError, UsageError
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.models.sequential import build_sequential


@pytest.fixture
def classifier(recipe, images) -> Classifier:
    """Not trained: its answers are as definite, and quicker had."""
    runtime = Runtime("cpu", "bf16", threads=1)
    net = runtime.place(build_sequential(recipe.model, images.shape, 3, 0))
    return Classifier(net, Preprocess.fit(recipe.preprocess, images), images.class_names, runtime)


def logits_by_hand(classifier, images) -> torch.Tensor:
    with torch.no_grad():
        return classifier.net.eval()(torch.from_numpy(images) / 255)


def test_predictions_are_the_nets_logits_in_float32(classifier, test_images):
    found = classifier.predictions(test_images, "bars/test")
    expected = logits_by_hand(classifier, test_images.images).numpy()
    np.testing.assert_allclose(found.logits, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(found.labels, test_images.labels)
    assert found.indices.tolist() == list(range(100))
    assert (found.class_names, found.data) == (("left", "middle", "right"), "bars/test")


def test_two_views_are_the_mean_with_the_mirror_image(classifier, test_images):
    exact = replace(classifier, runtime=classifier.runtime.exact())
    found = exact.predictions(test_images, "bars/test", views=2)
    mirrored = test_images.images[..., ::-1].copy()
    expected = (logits_by_hand(classifier, test_images.images) + logits_by_hand(classifier, mirrored)) / 2
    np.testing.assert_allclose(found.logits, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_further_views_are_computed_in_the_precision_of_training(classifier, test_images):
    exact = replace(classifier, runtime=classifier.runtime.exact()).predictions(test_images, "bars/test", views=2)
    found = classifier.predictions(test_images, "bars/test", views=2)
    assert not np.array_equal(found.logits, exact.logits)
    np.testing.assert_allclose(found.logits, exact.logits, atol=0.05 * np.abs(exact.logits).max())


def test_places_in_the_data_set_are_kept(classifier, test_images):
    where = np.arange(900, 1000)
    assert np.array_equal(classifier.predictions(test_images, "bars/validation", where).indices, where)


def test_an_answer_ranks_all_classes_by_softmax(classifier, test_images, tmp_path):
    Image.fromarray(test_images.images[0, 0]).save(tmp_path / "one.png")
    (answer,) = classifier.predict(tmp_path / "one.png")
    expected = logits_by_hand(classifier, test_images.images[:1]).softmax(1)[0]
    assert answer.image == str(tmp_path / "one.png")
    assert answer.class_name == classifier.class_names[int(expected.argmax())]
    assert answer.probability == pytest.approx(float(expected.max()), rel=1e-4)
    assert list(answer.probabilities.values()) == sorted(answer.probabilities.values(), reverse=True)
    assert set(answer.probabilities) == set(classifier.class_names)


def test_files_and_pictures_of_any_size_may_be_mixed(classifier, tmp_path):
    Image.new("RGB", (300, 70), "white").save(tmp_path / "wide.png")
    answers = classifier.predict(tmp_path / "wide.png", Image.new("L", (8, 8), 255))
    assert [answer.image for answer in answers] == [str(tmp_path / "wide.png"), "picture 2"]
    assert answers[0].probabilities == pytest.approx(answers[1].probabilities, abs=1e-5)


def test_no_picture_no_answer(classifier):
    assert classifier.predict() == []


def test_one_bad_file_is_named(classifier, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"words")
    with pytest.raises(DataError, match=r"bad\.png: not an image"):
        classifier.predict(Image.new("L", (8, 8)), tmp_path / "bad.png")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("left", "middle", "up"), "new: up; missing: right"),
        (("left", "middle", "right", "up"), "new: up"),
    ],
)
def test_other_classes_are_refused(classifier, test_images, names, told):
    others = ImageSet(test_images.images, test_images.labels, names, "others")
    with pytest.raises(UsageError, match=f"the classes of others differ from the run's: {told}"):
        classifier.predictions(others, "others/test")


@pytest.mark.parametrize("names", [("right", "left", "middle"), ("right", "middle")])
def test_classes_go_by_their_names(classifier, test_images, names):
    chosen = test_images.subset(
        np.flatnonzero(np.isin(test_images.labels, [classifier.class_names.index(n) for n in names]))
    )
    labels = np.array([names.index(classifier.class_names[label]) for label in chosen.labels])
    found = classifier.predictions(ImageSet(chosen.images, labels, names, "others"), "others/test")
    assert np.array_equal(found.labels, chosen.labels)
    assert found.class_names == ("left", "middle", "right")


def test_images_of_another_size_are_refused(classifier, test_images):
    larger = ImageSet(np.zeros((2, 3, 9, 9), np.uint8), test_images.labels[:2], test_images.class_names, "larger")
    with pytest.raises(UsageError, match="the images of larger are 3x9x9, the run was trained on 1x8x8"):
        classifier.predictions(larger, "larger/test")
