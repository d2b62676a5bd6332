"""The driver of `make bench`: every tool on every net, round by round, then the tables. README.md explains them.

Each measurement runs in a separate process (`machine.py`); `tables.py` computes the ratios.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from assay.core.files import atomic_write, write_json
from assay.core.runtime import Runtime
from assay.models.layer import parse_lines
from assay.models.summary import summarize
from benchmarks import tables
from benchmarks.airbench import why_not
from benchmarks.gpu_page import FAST, RIVAL
from benchmarks.machine import load_average, measure
from benchmarks.task import LR, MOMENTUM, NETS, Task


@dataclass(frozen=True)
class Entry:
    """A tool in one of the settings, with its name in the tables."""

    label: str
    module: str
    way: str
    workers: int = 0


def entries(cores: int) -> list[Entry]:
    """All entries compared on a net. fastai and timm start loader processes by default, at most one per core."""
    return [
        Entry("assay", "assay", "as-it-comes"),
        Entry("torch, no workers", "plain_torch", "as-it-comes"),
        Entry("torch, 2 workers", "plain_torch", "as-it-comes", 2),
        Entry("lightning", "lightning", "as-it-comes"),
        Entry("fastai", "fastai", "as-it-comes", min(16, cores)),
        Entry("keras", "keras", "as-it-comes"),
        Entry("timm", "timm", "as-it-comes", min(4, cores)),
        Entry("assay", "assay", "fp32"),
        Entry("torch", "plain_torch", "tuned"),
        Entry("lightning", "lightning", "tuned"),
        Entry("fastai", "fastai", "tuned"),
        Entry("keras", "keras", "tuned"),
        Entry("timm", "timm", "tuned"),
    ]


def select_entries(options: argparse.Namespace) -> list[Entry]:
    """The entries of the selected tools and settings."""
    return [
        entry
        for entry in entries(options.threads)
        if (not options.tools or entry.module in options.tools) and (not options.ways or entry.way in options.ways)
    ]


def plan(selection: list[Entry], nets: list[str], rounds: int) -> Iterator[tuple[str, int, Entry]]:
    """All tools in turn, net by net and round by round. Each round starts with another tool, against drift."""
    for net in nets:
        for number in range(rounds):
            start = number * len(selection) // max(1, rounds)
            for entry in selection[start:] + selection[:start]:
                yield net, number, entry


class Book:
    """The measurements so far, written to disk after each one."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.file = folder, folder / "compare.json"
        before = json.loads(self.file.read_text()) if options.resume and self.file.exists() else {}
        self.content: dict[str, Any] = before or {
            "environment": Runtime.choose("cpu", threads=options.threads).environment(),
            "settings": {
                "threads": options.threads, "optimizer": f"sgd {LR}, momentum {MOMENTUM}",
                "nets": {net: {**asdict(NETS[net]), "mult_adds": mult_adds(net)} for net in NETS},
            },
            "sittings": [], "ceilings": [], "throughput": [], "to_accuracy": [], "airbench": None,
        }  # fmt: skip
        self.content["sittings"].append(datetime.now(UTC).isoformat(timespec="seconds"))

    def has(self, part: str, net: str, number: int, entry: Entry) -> bool:
        """Whether a measurement is already there."""
        key = (net, number, entry.label, entry.way)
        return any((r["net"], r["round"], r["label"], r["way"]) == key for r in self.content[part] if "error" not in r)

    def add(self, part: str, record: Any) -> None:
        """Add a measurement, then write everything: numbers and tables."""
        self.content[part].append(record)
        self.write()

    def write(self) -> None:
        """Write compare.json and compare.md."""
        write_json(self.file, self.content)
        atomic_write(self.folder / "compare.md", page(self.content))


def mult_adds(net: str) -> int:
    """Mult-adds of one image, forward."""
    return summarize(parse_lines(Task(net).lines(), (3, 32, 32)), (3, 32, 32)).mult_adds


def page(content: dict[str, Any]) -> str:
    """All tables as a markdown page."""
    throughput, nets = content["throughput"], list(dict.fromkeys(r["net"] for r in content["throughput"]))
    targets = {net: assignment["target"] for net, assignment in content["settings"]["nets"].items()}
    parts = [
        "# Benchmarks\n", machine_text(content),
        f"## assay and the best peer\n\n{content['environment']['device_name']}. "
        "Medians over the rounds, minimum and maximum in brackets.\n",
        tables.ratio_table(throughput, nets),
        "## Throughput with default settings\n", tables.rate_table(throughput, nets, "as-it-comes"),
        "## Throughput, peers tuned\n", tables.rate_table(throughput, nets, "tuned"),
    ]  # fmt: skip
    if any("error" not in result for result in content["ceilings"]):
        parts += ["## The hardware's ceiling\n", ceiling_text(content, nets)]
    if content["to_accuracy"]:
        parts += ["## Time to an accuracy\n", tables.accuracy_table(content["to_accuracy"], targets)]
    if content["airbench"]:
        parts += [f"airbench94: {content['airbench']}\n"]
    failures = [f"- {r['label']}, {r['way']}, {r['net']}: {r['error']}" for r in throughput if "error" in r]
    return "\n".join([*parts, *(["## Failures\n", *failures, ""] if failures else [])])


def machine_text(content: dict[str, Any]) -> str:
    """The machine, the settings and the versions of all tools."""
    environment, settings = content["environment"], content["settings"]
    versions = dict(item for r in content["throughput"] for item in r.get("versions", {}).items())
    rounds = 1 + max((r["round"] for r in content["throughput"]), default=0)  # more than asked for, when resumed
    return (
        f"{environment['device_name']}, {settings['threads']} threads, {environment['system']}, Python "
        f"{environment['python']}, {rounds} rounds, {settings['optimizer']}, {content['sittings'][0]}.\n\n"
        + ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
        + ".\n"
    )


def ceiling_text(content: dict[str, Any], nets: list[str]) -> str:
    """The hardware's ceilings, and for each net the work and assay's share of the fastest convolution's rate."""
    results = [result for result in content["ceilings"] if "error" not in result]
    best = {name: max(result[name] for result in results) for name in results[0] if name != "wall_seconds"}
    ceiling = max(value for name, value in best.items() if name.startswith("convolution"))
    rows = []
    for net in nets:
        assay_rate = tables.rates(content["throughput"], net, "as-it-comes").get(tables.ASSAY)
        if assay_rate is None:
            continue
        count, batch = (content["settings"]["nets"][net][key] for key in ("mult_adds", "batch_size"))
        share = tables.share_of_ceiling(assay_rate.median, count, ceiling)
        work = tables.petaflop(count, 45_000, 1)
        title, millions = f"{net}, batch {batch}", f"{count / 1e6:.2f}"
        rows.append([title, millions, assay_rate.text(), f"{100 * share:.0f} %", f"{work:.4f}"])
    header = ["net", "M mult-adds", "assay, images/s", "of the best convolution", "PFLOP an epoch of 45,000"]
    figures = ", ".join(f"{name.replace('_', ' ')} {value:,.0f}" for name, value in best.items())
    return f"GFLOP/s: {figures}.\n\n{tables.markdown(header, rows)}"


def run(book: Book, part: str, todo: Iterator[tuple[str, int, Entry]], options: argparse.Namespace) -> None:
    """Run the measurements that are missing."""
    for net, number, entry in todo:
        if book.has(part, net, number, entry):
            continue
        words = ["--net", net, "--way", entry.way, "--workers", str(entry.workers), *lengths(part, net, options)]
        load_before = load_average()
        tool, is_tuned = f"benchmarks.tools.{entry.module}", entry.way == "tuned"
        result = measure(tool, words, options.threads, is_tuned, options.limit)
        record = {"tool": entry.module, **result, "label": entry.label, "net": net, "way": entry.way, "round": number}
        book.add(part, {**record, "load_before": load_before})
        text = result.get("error") or f"{tables.throughput(result):,.0f} images/s"
        print(f"{part:<11} {net:<10} round {number + 1} {entry.way:<11} {entry.label:<18} {text}", flush=True)


def lengths(part: str, net: str, options: argparse.Namespace) -> list[str]:
    """Options for the length: a few short epochs for throughput, whole ones with validation for time to an accuracy."""
    words = ["--synthetic"] if options.synthetic else []
    if part == "throughput":
        return [*words, "--epochs", str(options.epochs), "--images", str(options.images or NETS[net].images)]
    words += ["--validate", "--epochs", str(min(options.epochs, 2) if options.images else NETS[net].epochs)]
    return [*words, "--images", str(options.images)] if options.images else words


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="assay and its peers: throughput, time to an accuracy, ceilings.")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--tools", nargs="+", choices=sorted({entry.module for entry in entries(1)}))
    parser.add_argument("--ways", nargs="+", choices=tables.COMPARISONS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="epochs per throughput measurement; the first is warm-up")
    parser.add_argument("--images", type=int, help="images per epoch (default: depends on the net)")
    parser.add_argument("--to-accuracy", nargs="*", choices=NETS, default=["two-conv"], help="nets to time to a target")
    parser.add_argument("--accuracy-rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, default=60, help="time limit of one measurement, in minutes")
    parser.add_argument("--airbench", type=Path, metavar="DIR", help="your checkout of cifar10-airbench")
    parser.add_argument("--synthetic", action="store_true", help="random images instead of CIFAR-10")
    parser.add_argument("--resume", action="store_true", help="continue from the results in --out")
    return parser.parse_args()


def main() -> None:
    """Measure all entries and write the results after each one."""
    options = read_options()
    book, selection = Book(options.out, options), select_entries(options)
    toy = ["--toy", "--repeats", "1"] if options.synthetic else []
    for net in options.nets:
        book.add("ceilings", measure("benchmarks.ceiling", toy, options.threads, True, options.limit))
        run(book, "throughput", plan(selection, [net], options.rounds), options)
    run(book, "to_accuracy", plan(selection, options.to_accuracy, options.accuracy_rounds), options)
    if options.airbench:
        reason = why_not(options.airbench)
        book.content["airbench"] = f"skipped: {reason}" if reason else airbench(options)
        print(f"airbench94: {book.content['airbench']}")
    book.write()
    print(f"{book.file} and {book.folder / 'compare.md'}; torch {torch.__version__}, {platform.machine()}")


def airbench(options: argparse.Namespace) -> str:
    """Measure airbench94 and fast/cifar10-94 on the GPU with `gpu.py`."""
    folder = (options.out / "airbench").resolve()
    words = ["--airbench", str(options.airbench.resolve()), "--out", str(folder), "--items", FAST, RIVAL]
    result = measure("benchmarks.gpu", words, options.threads, False, options.limit)
    return str(result.get("error") or f"see {folder / 'gpu.md'}")


if __name__ == "__main__":
    main()
