"""How numbers are written."""

import pytest

from assay.core.numbers import (
    accuracy_text,
    p_statement,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
    signed_interval,
)


def test_an_accuracy_carries_its_interval():
    assert accuracy_text(0.8862, (0.87981, 0.89229)) == "88.62 % [87.98, 89.23]"
    assert accuracy_text(0.8862, (0.87981, 0.89229), digits=1, unit="") == "88.6 [88.0, 89.2]"


def test_shares_are_in_per_cent_and_differences_in_points_with_a_sign():
    assert percent(0.5) == "50.00 %"
    assert percent(0.5, unit="") == "50.00"
    assert points(0.0123) == "+1.23"
    assert percent_interval((0.1, 0.2)) == "[10.00, 20.00]"
    assert points_interval((-0.001, 0.003)) == "[-0.10, +0.30]"
    assert signed_interval((-0.1, 0.3)) == "[-0.10, +0.30]"


@pytest.mark.parametrize(
    ("p", "cell", "statement"),
    [(0.0123, "0.012", "p = 0.012"), (0.00099, "< 0.001", "p < 0.001"), (0.001, "0.001", "p = 0.001")],
)
def test_a_small_p_value_is_a_bound(p, cell, statement):
    assert (p_value(p), p_statement(p)) == (cell, statement)
