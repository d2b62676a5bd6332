"""A recipe's data: a named data set or a path, by its name; a path becomes absolute."""

from pathlib import Path

import pytest

from assay.core.errors import UsageError
from assay.data.location import is_path, with_absolute_path
from assay.recipes.schema import Data


@pytest.mark.parametrize("name", ["photos/mine", "./photos", "../photos", ".", "~/photos", "/photos", "list.csv"])
def test_a_name_that_looks_like_a_path_is_one(name):
    assert is_path(name)


def test_a_bare_name_is_a_path_if_such_a_folder_is_there_and_no_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not is_path("photos")
    for name in ("photos", "cifar10"):
        (tmp_path / name).mkdir()
    assert is_path("photos")
    assert not is_path("cifar10")


def test_a_path_becomes_absolute_and_its_size_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = with_absolute_path(Data(name="a/../photos/"))
    assert (data.name, data.size) == (str(tmp_path / "photos"), 160)
    assert data.display_name == "photos"
    assert with_absolute_path(Data(name="~/x", size=64)).name == str(Path.home() / "x")


def test_a_data_set_has_a_size_of_its_own():
    with pytest.raises(UsageError, match="a size is for folders of photos; mnist has its own"):
        with_absolute_path(Data(name="mnist", size=64))
    assert with_absolute_path(Data(name="mnist")) == Data(name="mnist")
