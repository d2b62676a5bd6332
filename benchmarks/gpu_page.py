"""The markdown page of `gpu.py`, from its measurements. Pure functions."""

from statistics import mean, stdev
from typing import Any

from scipy.stats import t

from benchmarks.tables import Spread, markdown, ratio_of_medians

FAST, HARDER, RIVAL = "fast/cifar10-94", "fast/cifar10-96", "airbench94"
CONFIDENCE = 0.95


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and its 95 % t interval; for a single value, that value three times."""
    center = mean(values)
    if len(values) < 2:
        return center, center, center
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return center, center - half, center + half


def percent(values: list[float]) -> str:
    """Mean accuracy in percent with its interval."""
    return "{:.2f} [{:.2f}, {:.2f}]".format(*(100 * value for value in interval(values)))


def line(item: Any) -> str:
    """One item as a short text for the terminal."""
    if isinstance(item, list):
        return f"{len(item)} runs, {percent([row['accuracy'] for row in item])} %"
    if "skipped" in item:
        return str(item["skipped"])
    if "epochs" in item:
        return f"{item['epochs']} of {item['of']} epochs, {item['images_per_second'] or 0:,.0f} images/s"
    return ", ".join(f"{name} {value:,.0f}" for name, value in item.items())


def page(content: dict[str, Any]) -> str:
    """All results so far as a markdown page."""
    items, environment = content["items"], content["environment"]
    toy = "\n**A toy run: none of these numbers means anything.**\n" if content["toy"] else ""
    title = f"# On a GPU\n{toy}\n{environment['device_name']}, torch {environment['versions']['torch']}, "
    parts = [f"{title}{environment['precision']}, {environment['system']}.\n"]
    fast = [name for name in (FAST, RIVAL, HARDER) if isinstance(items.get(name), list)]
    if fast:
        parts.append(fast_table(items, fast))
    if isinstance(items.get(FAST), list) and isinstance(items.get(RIVAL), list):
        assay_seconds, rival_seconds = ([row["seconds"] for row in items[name]] for name in (FAST, RIVAL))
        parts.append(f"Time of {FAST} over {RIVAL}'s, medians: {ratio_of_medians(assay_seconds, rival_seconds):.3f}\n")
    if whole := {name: item for name, item in items.items() if isinstance(item, dict) and "epochs" in item}:
        parts.append(long_table(whole))
    if "convolution_bf16" in items.get("ceilings", {}):
        parts.append(f"Ceilings in GFLOP/s: {line(items['ceilings'])}.\n")
    parts += [f"- {name}: {item['skipped']}" for name, item in items.items() if "skipped" in item]
    return "\n".join(parts) + "\n"


def fast_table(items: dict[str, Any], names: list[str]) -> str:
    """The runs of the fast recipes and of airbench; seconds as airbench counts them."""
    rows = []
    for name in names:
        runs = items[name]
        walls = [row["wall_seconds"] for row in runs if "wall_seconds" in row]
        rows.append([
            name, str(len(runs)), percent([row["accuracy"] for row in runs]),
            percent([row["plain_accuracy"] for row in runs]), Spread.of([row["seconds"] for row in runs]).text(2),
            Spread.of(walls).text(2) if walls else "–",
        ])  # fmt: skip
    return markdown(["", "runs", "six views, %", "plain, %", "seconds", "seconds of the whole call"], rows)


def long_table(items: dict[str, Any]) -> str:
    """The papers' recipes. A projected time is marked as such."""
    rows = []
    for name, item in items.items():
        seconds = f"{item['train_seconds']:.0f}"
        if projection := item.get("projected_seconds"):
            seconds = f"{projection:.0f} projected"
        accuracy = item.get("accuracy")
        rows.append([
            name, f"{item['epochs']} of {item['of']}", f"{item['images_per_second'] or 0:,.0f}", seconds,
            f"{100 * accuracy:.2f}" if accuracy is not None else "–",
        ])  # fmt: skip
    return markdown(["recipe", "epochs", "images/s", "seconds of all epochs", "test, %"], rows)
