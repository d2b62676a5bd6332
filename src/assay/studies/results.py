"""A study's results: a row for each variant, and what its difference from the one it is measured against is worth."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import sqrt
from statistics import mean, variance

from assay.core.errors import DataError
from assay.core.numbers import Interval
from assay.evaluation.comparison import Comparison, Group, adjust_p_values, compare_groups
from assay.evaluation.statistics import mean_interval, winners_curse
from assay.experiments.replicates import read_group
from assay.experiments.run import Run
from assay.experiments.run_state import RunState
from assay.recipes.labels import with_faults
from assay.report.tables.formats import grid
from assay.studies.plans import Halving
from assay.studies.study import Study
from assay.studies.variant import Variant

HEADER = (
    "variant", "runs", "validation %", "over seeds", "epochs", "minutes",
    "against", "difference, points", "p", "verdict", "state",
)  # fmt: skip
STUCK_DEVIATIONS = 3  # above what the most frequent class alone gives


@dataclass(frozen=True)
class Row:
    """A variant: the validation and test accuracies of the runs that finished, what failed, and how it compares.

    state: `stuck at chance`, `still improving`, `diverged`, `stopped early after N epochs`, or nothing of note.
    """

    name: str
    faults: tuple[str, ...]
    seeds: int
    validation: tuple[float, ...]
    test: tuple[float, ...]
    reported: float | None
    epochs: float  # mean of those that finished, or else of those that were stopped early
    seconds: float  # of training, all of them together
    state: str
    comparison: Comparison | None
    until_stopped: float | None = None  # best validation accuracy, where every run was stopped early
    contends: bool = True  # for being the best: not an early rung of a search

    @property
    def interval(self) -> Interval | None:
        """95 % t interval of the mean validation accuracy over seeds; None for fewer than two."""
        return mean_interval(self.validation)

    @property
    def test_interval(self) -> Interval | None:
        """The same for the test accuracy."""
        return mean_interval(self.test)


def rows(study: Study) -> list[Row]:
    """Every variant beside the one that it builds on, or else beside the best; p values by Holm over all of them."""
    variants = study.variants()
    runs = {one.name: [run for seed in study.spec.seeds if (run := study.member(one, seed).run)] for one in variants}
    contenders = {one.name for one in last_rung(study, variants)}
    groups = {
        one.name: _group(one, done)
        for one in variants
        if one.name in contenders and (done := _finished(runs[one.name]))
    }
    best = max(groups, key=lambda name: groups[name].accuracies.mean(), default="")
    on_top = any(one.after for one in variants)
    pairs = {one.name: one.after if on_top else best for one in variants if one.name in groups}
    found = {
        name: one
        for name, other in pairs.items()
        if other in groups and name != other and (one := _compared(groups[name], groups[other]))
    }
    comparisons = dict(zip(found, adjust_p_values(list(found.values())), strict=True))
    found_rows = (_row(one, runs[one.name], study.spec.figure(one), comparisons.get(one.name)) for one in variants)
    return [replace(one, contends=one.name in contenders) for one in found_rows]


def last_rung(study: Study, variants: Sequence[Variant]) -> list[Variant]:
    """Those that were trained longest by successive halving; of any other plan all."""
    if not isinstance(study.spec.plan, Halving):
        return list(variants)
    longest = max(one.recipe.training.epochs for one in variants)
    return [one for one in variants if one.recipe.training.epochs == longest]


def _group(variant: Variant, runs: Sequence[Run]) -> Group:
    return replace(read_group(runs, "validation"), name=with_faults(variant.name, variant.recipe.faults))


def _compared(first: Group, second: Group) -> Comparison | None:
    """None where there is nothing to say: one run beside several, or other images, as some faults have them."""
    if (len(first.seeds) == 1) != (len(second.seeds) == 1):
        return None
    try:
        return compare_groups(first, second)
    except DataError:
        return None


def _row(variant: Variant, runs: Sequence[Run], reported: float | None, comparison: Comparison | None) -> Row:
    done, stopped = _finished(runs), [run for run in runs if run.state == RunState.PRUNED]
    best = [max(row.validation_accuracy or 0.0 for row in run.history) for run in stopped]
    return Row(
        variant.name,
        variant.recipe.faults,
        len(runs),
        _accuracies(done, "validation"),
        _accuracies(done, "test"),
        reported,
        mean([len(run.history) for run in done or stopped] or [0]),
        sum(run.status.get("train_seconds", 0.0) for run in (*done, *stopped)),
        _state(runs, done, stopped),
        comparison,
        until_stopped=None if done or not best else mean(best),
    )


def _accuracies(done: Sequence[Run], part: str) -> tuple[float, ...]:
    return tuple(float(run.results[part]["accuracy"]) for run in done)


def _state(runs: Sequence[Run], done: Sequence[Run], stopped: Sequence[Run]) -> str:
    if any(run.status.get("diverged") for run in runs):
        return "diverged"
    if stopped:
        return stopped_early(max(len(run.history) for run in stopped))
    if done and all(_stuck(run) for run in done):
        return "stuck at chance"
    if done and all(run.status["best_epoch"] == run.recipe.training.epochs > 1 for run in done):
        return "still improving"
    return ""


def stopped_early(epochs: int) -> str:
    """What is said of a run that its plan stopped after so many epochs."""
    return f"stopped early after {epochs} epoch{'s' * (epochs > 1)}"


def _stuck(run: Run) -> bool:
    """Whether it recognizes no more than one who always names the most frequent class, within the noise of n images."""
    judged = run.results["validation"]
    chance = max(one["n"] for one in judged["per_class"]) / judged["n"]
    return bool(judged["accuracy"] <= chance + STUCK_DEVIATIONS * sqrt(chance * (1 - chance) / judged["n"]))


def _finished(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.is_finished]


def written(found: Sequence[Row], form: str) -> str:
    """The table as text, markdown, latex, csv or json. Raises UsageError for another word."""
    if form == "json":
        values = [{**asdict(one), "verdict": one.comparison.verdict if one.comparison else None} for one in found]
        return json.dumps(values, indent=2)
    table = grid(HEADER, [cells(one) for one in found], form)
    return table if form == "csv" else "\n\n".join([table, *remarks(found)])


def remarks(found: Sequence[Row]) -> list[str]:
    """What a reader of the table should not forget."""
    done = [one for one in found if one.validation and one.contends]
    if len(done) < 3:
        return []
    best = max(done, key=lambda one: mean(one.validation))
    spreads = [variance(one.validation) / len(one.validation) for one in done if len(one.validation) > 1]
    if not spreads:
        return [f"One run each: nobody knows how much of {best.name}'s lead is luck; give it --replicates 3."]
    curse = winners_curse(sqrt(mean(spreads)), len(done))
    return [
        f"{best.name} is the best of {len(done)}; the best of {len(done)} equally good ones would stand "
        f"{100 * curse:.2f} points too high by luck alone."
    ]


def cells(one: Row) -> tuple[str, ...]:
    """One variant's cells, in the order of HEADER."""
    compared = ("–",) * 4
    if (with_ := one.comparison) is not None:
        p = "< 0.001" if with_.adjusted_p < 0.001 else f"{with_.adjusted_p:.3f}"
        compared = (with_.second, f"{100 * with_.difference:+.2f}", p, with_.verdict)
    complete, interval = len(one.validation) == one.seeds, one.interval
    accuracy = mean(one.validation) if one.validation else one.until_stopped
    return (
        with_faults(one.name, one.faults), str(one.seeds) if complete else f"{len(one.validation)} of {one.seeds}",
        "–" if accuracy is None else f"{100 * accuracy:.2f}",
        f"[{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]" if interval else "–",
        f"{one.epochs:.3g}", f"{one.seconds / 60:.1f}", *compared, one.state,
    )  # fmt: skip
