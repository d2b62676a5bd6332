"""Numbers as text: the one way in which a share, a difference, an interval and a p value are written.

Shares and intervals are fractions; they are written in per cent.
"""

Interval = tuple[float, float]


def percent(share: float, digits: int = 2, unit: str = " %") -> str:
    """A share in per cent: `88.62 %`. Give `unit=""` in a column whose header names the unit."""
    return f"{100 * share:.{digits}f}{unit}"


def points(difference: float, digits: int = 2) -> str:
    """A difference of two shares in percentage points, with its sign: `+1.23`."""
    return f"{100 * difference:+.{digits}f}"


def percent_interval(interval: Interval, digits: int = 2) -> str:
    """The interval of a share in per cent: `[87.98, 89.23]`."""
    return _brackets(*(percent(bound, digits, unit="") for bound in interval))


def points_interval(interval: Interval, digits: int = 2) -> str:
    """The interval of a difference in percentage points, with signs: `[-0.10, +0.30]`."""
    return _brackets(*(points(bound, digits) for bound in interval))


def signed_interval(interval: Interval, digits: int = 2) -> str:
    """The interval of a signed number in its own unit: `[-0.10, +0.30]`."""
    return _brackets(*(f"{bound:+.{digits}f}" for bound in interval))


def accuracy_text(accuracy: float, interval: Interval, digits: int = 2, unit: str = " %") -> str:
    """An accuracy with its interval: `88.62 % [87.98, 89.23]`. Write the number of images beside it."""
    return f"{percent(accuracy, digits, unit)} {percent_interval(interval, digits)}"


def p_value(p: float) -> str:
    """A p value for a column: `0.012` or `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_statement(p: float) -> str:
    """A p value within a sentence: `p = 0.012` or `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _brackets(low: str, high: str) -> str:
    return f"[{low}, {high}]"
