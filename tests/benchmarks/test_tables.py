"""Ratios and tables from measurements made up by hand."""

import pytest
from benchmarks.tables import Spread

from benchmarks import tables


def record(label: str, way: str, number: int, rate: float, **more) -> dict:
    return {"net": "n", "label": label, "way": way, "round": number, "images_per_second": [1.0, rate], **more}


RECORDS = [
    record("assay", "as-it-comes", 0, 300),
    record("assay", "as-it-comes", 1, 200),
    record("assay", "fp32", 0, 150),
    record("slow", "as-it-comes", 0, 50),
    record("slow", "as-it-comes", 1, 50),
    record("fast", "as-it-comes", 0, 100),
    record("fast", "as-it-comes", 1, 100),
    record("fast", "tuned", 1, 160),
    record("broken", "as-it-comes", 0, 999, error="no"),
]


def test_throughput_leaves_the_warm_up_epoch_out() -> None:
    assert tables.throughput({"images_per_second": [1.0, 10.0, 30.0, 20.0]}) == 20.0
    assert tables.throughput({"images_per_second": [7.0]}) == 7.0


def test_a_spread_is_median_least_and_greatest() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_the_best_peer_is_the_fastest_that_is_not_assay_and_did_not_fail() -> None:
    assert tables.best_peer(tables.rates(RECORDS, "n", "as-it-comes")) == "fast"


def test_a_ratio_compares_round_with_round() -> None:
    assert tables.ratio(RECORDS, "n", "as-it-comes") == ("fast", Spread(2.5, 2.0, 3.0))


def test_fp32_compares_assay_in_fp32_with_peers_as_they_come() -> None:
    assert tables.ratio(RECORDS, "n", "fp32") == ("fast", Spread(1.5, 1.5, 1.5))


def test_tuned_compares_assay_as_it_comes_with_tuned_peers() -> None:
    assert tables.ratio(RECORDS, "n", "tuned") == ("fast", Spread(1.25, 1.25, 1.25))


def test_without_a_peer_there_is_no_ratio() -> None:
    assert tables.ratio(RECORDS[:3], "n", "as-it-comes") is None


def test_time_to_an_accuracy_ends_with_the_epoch_that_reaches_it() -> None:
    epochs = [{"seconds": 2.0, "validation_accuracy": a} for a in (0.3, 0.6, 0.5)]
    assert tables.seconds_to({"epochs": epochs}, 0.6) == 4.0
    assert tables.seconds_to({"epochs": epochs}, 0.7) is None


def test_share_of_the_ceiling_counts_three_passes_of_two_operations() -> None:
    assert tables.share_of_ceiling(100, 1_000_000, 1.0) == pytest.approx(0.6)


def test_petaflop_of_a_training() -> None:
    assert tables.petaflop(100_000_000, 50_000, 10) == pytest.approx(0.3)


def test_a_table_is_markdown() -> None:
    assert tables.markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n|---|---:|\n| x | 1 |\n"


def test_the_ratio_table_has_a_row_for_each_way_to_compare() -> None:
    rows = tables.ratio_table(RECORDS, ["n"]).splitlines()[2:]
    assert [row.split(" | ")[1] for row in rows] == ["as-it-comes", "fp32", "tuned"]
    assert rows[0].endswith("| 2.50 (2.00–3.00) |")
