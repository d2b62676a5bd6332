"""Domain shift as tables."""

import csv
import io

import pytest

from assay.core.errors import UsageError
from assay.evaluation.domain_shift import ALL_MATCHES, ChangedPhotos, DomainShift, StatisticDifference
from assay.report.tables.domain_shift import CHANGES_HEADER, DIFFERENCES_HEADER, domain_shift_tables


@pytest.fixture
def result():
    def variant(name, gain, p):
        return ChangedPhotos(name, f"how {name}", 0.01, 0.7 + gain, (0.6, 0.9), gain, (gain - 0.04, gain + 0.04), p)

    variants = (variant("sharpness", 0.15, 1e-5), variant("brightness", 0.01, 1.0), variant(ALL_MATCHES, 0.16, 1e-5))
    return DomainShift(
        "mine", 200, "cifar10/train", 5000, "256 x 172 px in the median", "32 x 32 px", 0.7, (0.63, 0.76),
        (
            StatisticDifference("sharpness", 3.3, 4.0, 2.9, (2.7, 3.1)),
            StatisticDifference("brightness", 0.48, 0.53, 0.4, (0.2, 0.5)),
        ),
        variants, variant("report's blur", 0.08, 0.003),
    )  # fmt: skip


def test_the_tables_have_every_difference_and_every_way(result):
    first, second = domain_shift_tables(result, "csv").split("\n\n")
    differences, ways = (list(csv.reader(io.StringIO(part))) for part in (first, second))
    assert (tuple(differences[0]), tuple(ways[0])) == (DIFFERENCES_HEADER, CHANGES_HEADER)
    assert differences[1] == ["sharpness", "3.300", "4.000", "+2.90 [+2.70, +3.10]"]
    assert differences[3][:3] == ["size", "32 x 32 px", "256 x 172 px in the median"]
    assert [row[0] for row in ways[1:]] == [
        "as they are, n = 200", "sharpness matched", "brightness matched", f"{ALL_MATCHES} matched", "report's blur"
    ]  # fmt: skip
    assert ways[2][1:4] == ["85.0 [60.0, 90.0]", "+15.0 [+11.0, +19.0]", "< 0.001"]


def test_the_verdict_comes_last(result):
    assert domain_shift_tables(result, "text").endswith(
        "\n\nsharpness matters most: matched to the training images, accuracy moves by +15.0 points [+11.0, +19.0], "
        "p < 0.001 after Holm, n = 200"
    )


def test_an_unknown_format_is_refused(result):
    with pytest.raises(UsageError, match="unknown format 'html'"):
        domain_shift_tables(result, "html")
