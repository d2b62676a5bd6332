"""A study's YAML: read with file and line, written back equal."""

import pytest
import yaml

from assay.core.errors import UsageError
from assay.studies.spec import read_study, study_names

GOOD = """\
base: fashion/cnn
replicates: 2
plan:
  name: grid
  over:
    optimizer.lr: [0.1, 0.01]
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "rates.yaml"


def refused(file, text: str) -> str:
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_study(str(file))
    return str(caught.value)


def test_a_study_is_read_with_its_file_as_its_name(file):
    file.write_text(GOOD)
    spec = read_study(str(file))
    assert (spec.name, spec.base.name, list(spec.seeds)) == ("rates", "fashion/cnn", [0, 1])
    assert [one.name for one in spec.variants({})] == ["lr=0.1", "lr=0.01"]


@pytest.mark.parametrize("name", study_names())
def test_a_built_in_study_reads_back_equal(name, file):
    spec = read_study(name)
    file.write_text(spec.to_yaml())
    assert read_study(str(file)) == spec
    assert yaml.safe_load(spec.to_yaml())["base"]["model"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("replicates: 2", "replicats: 2", r"rates\.yaml:2: unknown key 'replicats'; did you mean replicates"),
        ("replicates: 2", "replicates: 0", r"rates\.yaml:2: replicates: .*greater than 0"),
        ("optimizer.lr: [0.1, 0.01]", "optimizer.lr: []", r"rates\.yaml:6: plan\.over\.optimizer\.lr"),
        ("optimizer.lr: [0.1, 0.01]", "optimizer.lr: [0.1, 0.1]", "a value is listed twice"),
        ("optimizer.lr: [0.1, 0.01]", "optimizer.rate: [0.1]", r"rates\.yaml: .*unknown key 'optimizer\.rate'"),
        ("name: grid", "name: gird", r"rates\.yaml:[34]: unknown value for plan: 'gird'; did you mean grid"),
        ("base: fashion/cnn", "base: fashion/cn", "did you mean fashion/cnn"),
        ("base: fashion/cnn", "changes: {}", "base"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(file, old, new, message):
    import re

    assert re.search(message, refused(file, GOOD.replace(old, new)))


def test_an_empty_grid_is_refused(file):
    assert "over" in refused(file, GOOD.replace("  over:\n    optimizer.lr: [0.1, 0.01]\n", "  over: {}\n"))


def test_ten_million_cells_are_refused_with_their_number(file):
    keys = "".join(f"    training.{key}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" for key in "abcdefg")
    assert "10,000,000 cells" in refused(file, GOOD.replace("    optimizer.lr: [0.1, 0.01]\n", keys))


def test_a_study_without_validation_images_is_refused(file):
    assert "data.validation: 0.1" in refused(file, GOOD + "changes: {data.validation: 0}\n")


def test_an_unknown_study_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean kth"):
        read_study("kht")
