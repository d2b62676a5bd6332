"""A faulty run shows its faults wherever it has a name."""

from assay.recipes.labels import with_faults


def test_faults_follow_the_name():
    assert with_faults("cnn", ()) == "cnn"
    assert with_faults("cnn", ["no-shuffle", "shared-weights"]) == "cnn [FAULTY: no-shuffle, shared-weights]"
