"""From measurements to ratios and markdown tables. Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Record = dict[str, Any]
ASSAY = "assay"
# For each comparison: the settings of assay and those of the peers. Peers use fp32 by default, so they serve twice.
COMPARISONS = {
    "as-it-comes": ("as-it-comes", "as-it-comes"),
    "fp32": ("fp32", "as-it-comes"),
    "tuned": ("as-it-comes", "tuned"),
}
WARM_UP = 1  # epochs


@dataclass(frozen=True)
class Spread:
    """Median, minimum and maximum over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(median(values), min(values), max(values))

    def text(self, digits: int = 0) -> str:
        """`1,234 (1,200-1,260)`."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def throughput(record: Record) -> float:
    """Images/s of a measurement: the median of the epochs after the warm-up."""
    epochs: list[float] = record["images_per_second"]
    return median(epochs[WARM_UP:] or epochs)


def seconds_to(record: Record, target: float) -> float | None:
    """Seconds of training and validation until the first epoch that reaches the target has ended; None if none does."""
    total = 0.0
    for epoch in record["epochs"]:
        total += float(epoch["seconds"])
        if (epoch["validation_accuracy"] or 0.0) >= target:
            return total
    return None


def rates(records: Iterable[Record], net: str, way: str) -> dict[str, Spread]:
    """Throughput of each tool on a net with a setting, over the rounds."""
    throughputs: dict[str, list[float]] = {}
    for record in records:
        if (record["net"], record["way"]) == (net, way) and "error" not in record:
            throughputs.setdefault(record["label"], []).append(throughput(record))
    return {label: Spread.of(values) for label, values in throughputs.items()}


def best_peer(peers: dict[str, Spread]) -> str | None:
    """The label of the fastest tool other than assay, by median."""
    peers_only = {label: spread for label, spread in peers.items() if label != ASSAY}
    return max(peers_only, key=lambda label: peers_only[label].median) if peers_only else None


def ratio(records: Sequence[Record], net: str, comparison: str) -> tuple[str, Spread] | None:
    """The best peer, and assay's throughput relative to it, round by round; None if one of the two is missing."""
    assay_way, peer_way = COMPARISONS[comparison]
    peer = best_peer(rates(records, net, peer_way))
    if peer is None:
        return None
    assay_rates, peer_rates = _by_round(records, net, assay_way, ASSAY), _by_round(records, net, peer_way, peer)
    ratios = [assay_rates[n] / peer_rates[n] for n in assay_rates if n in peer_rates]
    return (peer, Spread.of(ratios)) if ratios else None


def _by_round(records: Iterable[Record], net: str, way: str, label: str) -> dict[int, float]:
    return {
        record["round"]: throughput(record)
        for record in records
        if (record["net"], record["way"], record["label"]) == (net, way, label) and "error" not in record
    }


def ratio_of_medians(assay_rates: Sequence[float], peer_rates: Sequence[float]) -> float:
    """The ratio of measurements that are not paired."""
    return median(assay_rates) / median(peer_rates)


def share_of_ceiling(images_per_second: float, mult_adds: int, gflops: float) -> float:
    """The arithmetic of training, 3 x forward x 2 per mult-add, relative to the hardware's ceiling."""
    return images_per_second * 6 * mult_adds / (gflops * 1e9)


def petaflop(mult_adds: int, images: int, epochs: int) -> float:
    """The work of a training in PFLOP: 3 x forward x 2 per mult-add."""
    return 6.0 * mult_adds * images * epochs / 1e15


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table. All columns but the first hold numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def ratio_table(records: Sequence[Record], nets: Sequence[str]) -> str:
    """One row per net and comparison: assay, the best peer and the ratio."""
    rows = []
    for net in nets:
        for comparison, (assay_way, peer_way) in COMPARISONS.items():
            best_ratio = ratio(records, net, comparison)
            if best_ratio is None:
                continue
            peer, spread = best_ratio
            assay_rates, peer_rates = rates(records, net, assay_way)[ASSAY], rates(records, net, peer_way)[peer]
            rows.append([net, comparison, assay_rates.text(), peer, peer_rates.text(), spread.text(2)])
    return markdown(["net", "compared", "assay, images/s", "best peer", "images/s", "ratio"], rows)


def rate_table(records: Sequence[Record], nets: Sequence[str], way: str) -> str:
    """One row per tool, one column per net: images/s."""
    columns = [rates(records, net, way) for net in nets]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = [[label, *(column[label].text() if label in column else "–" for column in columns)] for label in labels]
    return markdown(["images/s", *nets], rows)


def accuracy_table(records: Sequence[Record], targets: dict[str, float]) -> str:
    """One row per net, setting and tool: seconds to the target."""
    groups: dict[tuple[str, str, str], list[float | None]] = {}
    for record in records:
        if "error" not in record:
            key = (record["net"], record["way"], record["label"])
            groups.setdefault(key, []).append(seconds_to(record, targets[record["net"]]))
    rows = []
    for (net, way, label), times in groups.items():
        times_reached = [seconds for seconds in times if seconds is not None]
        text = Spread.of(times_reached).text(1) if times_reached else "–"
        rows.append([f"{net}, {100 * targets[net]:.0f} %", way, label, text, f"{len(times_reached)} of {len(times)}"])
    return markdown(["net, validation accuracy", "way", "tool", "seconds", "reached"], rows)
