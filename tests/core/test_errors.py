"""Every error has its exit code, and an unknown name brings the nearest known ones."""

import pytest

from assay.core import errors
from assay.core.errors import AssayError, MissingExtraError, UsageError, unknown

CODES = {"UsageError": 2, "ShapeError": 2, "Interrupted": 130}


@pytest.mark.parametrize(
    "kind", [x for x in vars(errors).values() if isinstance(x, type) and issubclass(x, AssayError)]
)
def test_exit_codes_are_1_failed_2_usage_130_interrupted(kind):
    assert kind.exit_code == CODES.get(kind.__name__, 1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cifar-10", "unknown data set 'cifar-10'; did you mean cifar10?"),
        ("zzz", "unknown data set 'zzz'; known: cifar10, cifar100, mnist"),
        ("", "unknown data set ''; known: cifar10, cifar100, mnist"),
    ],
)
def test_an_unknown_name_shows_the_nearest_or_all(name, told):
    error = unknown("data set", name, ["mnist", "cifar10"] if "-" in name else ["mnist", "cifar100", "cifar10"])
    assert str(error) == told
    assert isinstance(error, UsageError)


def test_an_unknown_name_says_where_it_stands():
    assert str(unknown("key", "lr", ["seed"], "mine.yaml:3")).startswith("mine.yaml:3: unknown key 'lr'; ")


def test_a_missing_extra_says_what_to_install():
    assert str(MissingExtraError("the store", "mlflow")) == (
        "the store needs the extra 'mlflow': pip install 'assay[mlflow]'"
    )
