"""From measurements to ratios and markdown. Pure functions: nothing here runs, reads a clock or writes a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Record = dict[str, Any]
OURS = "assay"
# For each way to compare: how assay ran, how the peers ran. Peers as they come are fp32, so they serve twice.
COMPARISONS = {
    "as-it-comes": ("as-it-comes", "as-it-comes"),
    "fp32": ("fp32", "as-it-comes"),
    "tuned": ("as-it-comes", "tuned"),
}
WARM_UP = 1  # epochs


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, with the least and the greatest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(median(values), min(values), max(values))

    def text(self, digits: int = 0) -> str:
        """`1,234 (1,200-1,260)`."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def throughput(record: Record) -> float:
    """Images/s of a measurement: the median of its epochs after the warm-up."""
    epochs: list[float] = record["images_per_second"]
    return median(epochs[WARM_UP:] or epochs)


def seconds_to(record: Record, target: float) -> float | None:
    """Seconds of training and validation up to the end of the first epoch that reaches the target; None: never."""
    total = 0.0
    for epoch in record["epochs"]:
        total += float(epoch["seconds"])
        if (epoch["validation_accuracy"] or 0.0) >= target:
            return total
    return None


def rates(records: Iterable[Record], net: str, way: str) -> dict[str, Spread]:
    """Throughput of each tool on this net in this way, over the rounds."""
    found: dict[str, list[float]] = {}
    for record in records:
        if (record["net"], record["way"]) == (net, way) and "error" not in record:
            found.setdefault(record["label"], []).append(throughput(record))
    return {label: Spread.of(values) for label, values in found.items()}


def best_peer(peers: dict[str, Spread]) -> str | None:
    """The label of the fastest that is not assay, by its median."""
    others = {label: spread for label, spread in peers.items() if label != OURS}
    return max(others, key=lambda label: others[label].median) if others else None


def ratio(records: Sequence[Record], net: str, comparison: str) -> tuple[str, Spread] | None:
    """The best peer and assay's throughput over its, round by round; None when one of the two is missing."""
    our_way, their_way = COMPARISONS[comparison]
    peer = best_peer(rates(records, net, their_way))
    if peer is None:
        return None
    ours, theirs = _by_round(records, net, our_way, OURS), _by_round(records, net, their_way, peer)
    shared = [ours[n] / theirs[n] for n in ours if n in theirs]
    return (peer, Spread.of(shared)) if shared else None


def _by_round(records: Iterable[Record], net: str, way: str, label: str) -> dict[int, float]:
    return {
        record["round"]: throughput(record)
        for record in records
        if (record["net"], record["way"], record["label"]) == (net, way, label) and "error" not in record
    }


def ratio_of_medians(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of measurements that do not pair up."""
    return median(ours) / median(theirs)


def share_of_ceiling(images_per_second: float, mult_adds: int, gflops: float) -> float:
    """Arithmetic done, 3 x forward and 2 for each mult-add, over what the hardware could do in that time."""
    return images_per_second * 6 * mult_adds / (gflops * 1e9)


def petaflop(mult_adds: int, images: int, epochs: int) -> float:
    """Work of a training in PFLOP: 3 x forward x 2 for each mult-add."""
    return 6.0 * mult_adds * images * epochs / 1e15


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table; all columns but the first are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def ratio_table(records: Sequence[Record], nets: Sequence[str]) -> str:
    """One row for each net and comparison: assay, the best peer, and the ratio."""
    rows = []
    for net in nets:
        for comparison, (our_way, their_way) in COMPARISONS.items():
            found = ratio(records, net, comparison)
            if found is None:
                continue
            peer, spread = found
            ours, theirs = rates(records, net, our_way)[OURS], rates(records, net, their_way)[peer]
            rows.append([net, comparison, ours.text(), peer, theirs.text(), spread.text(2)])
    return markdown(["net", "compared", "assay, images/s", "best peer", "images/s", "ratio"], rows)


def rate_table(records: Sequence[Record], nets: Sequence[str], way: str) -> str:
    """One row for each tool, one column for each net: images/s."""
    columns = [rates(records, net, way) for net in nets]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = [[label, *(column[label].text() if label in column else "–" for column in columns)] for label in labels]
    return markdown(["images/s", *nets], rows)


def accuracy_table(records: Sequence[Record], targets: dict[str, float]) -> str:
    """One row for each net, way and tool: seconds to the target."""
    groups: dict[tuple[str, str, str], list[float | None]] = {}
    for record in records:
        if "error" not in record:
            key = (record["net"], record["way"], record["label"])
            groups.setdefault(key, []).append(seconds_to(record, targets[record["net"]]))
    rows = []
    for (net, way, label), times in groups.items():
        reached = [seconds for seconds in times if seconds is not None]
        text = Spread.of(reached).text(1) if reached else "–"
        rows.append([f"{net}, {100 * targets[net]:.0f} %", way, label, text, f"{len(reached)} of {len(times)}"])
    return markdown(["net, validation accuracy", "way", "tool", "seconds", "reached"], rows)
