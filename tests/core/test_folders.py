"""Where data sets and pretrained weights are."""

from pathlib import Path

import platformdirs

from assay.core.folders import data_root, weights_folder


def test_the_data_root_is_assay_data_or_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.setenv("ASSAY_DATA", "~/images")
    assert data_root() == Path.home() / "images"
    monkeypatch.delenv("ASSAY_DATA")
    assert data_root() == Path(platformdirs.user_cache_dir("assay"))


def test_weights_are_in_assay_weights_or_beside_the_data_sets(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    monkeypatch.delenv("ASSAY_WEIGHTS", raising=False)
    assert weights_folder() == tmp_path / "weights"
    monkeypatch.setenv("ASSAY_WEIGHTS", "~/nets")
    assert weights_folder() == Path.home() / "nets"
