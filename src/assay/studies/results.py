"""A study's results: a row for each variant, and how it compares with the variant it builds on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

from assay.core.finding import Finding
from assay.core.numbers import Interval
from assay.evaluation.comparison import Comparison
from assay.evaluation.group import Group
from assay.evaluation.intervals import mean_interval
from assay.experiments.replicates import read_group
from assay.experiments.run import Run, RunState
from assay.recipes.labels import with_faults
from assay.studies.diagnosis import diagnose_runs
from assay.studies.study import Study, finished_runs
from assay.studies.study_comparisons import compare_variants
from assay.studies.variant import Variant


@dataclass(frozen=True)
class Row:
    """A variant: the accuracies of its finished runs, its findings, and how it compares.

    seeds: the number of its runs that exist. validation_n, test_n: images that each accuracy is over, 0 without a
    finished run. epochs: mean of the finished runs, or else of those stopped early.
    seconds: of training, over all its runs. stopped_after: epochs of the longest run that its plan stopped early.
    accuracy_when_stopped: best validation accuracy, where every run was stopped early. is_finalist: whether it competes
    for being the best; early rungs of a search do not.
    """

    name: str
    faults: tuple[str, ...]
    seeds: int
    validation: tuple[float, ...]
    test: tuple[float, ...]
    validation_n: int
    test_n: int
    published_accuracy: float | None
    epochs: float
    seconds: float
    findings: tuple[Finding, ...]
    comparison: Comparison | None
    stopped_after: int | None = None
    accuracy_when_stopped: float | None = None
    is_finalist: bool = True

    @property
    def state(self) -> str:
        """`stuck at chance`, `still improving`, `diverged`, `stopped early after N epochs`, or empty."""
        if self.findings:
            return self.findings[0].rule.replace("-", " ")
        return "" if self.stopped_after is None else stopped_early(self.stopped_after)

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the mean validation accuracy, over seeds and images; None for fewer than two runs."""
        return mean_interval(self.validation, self.validation_n)

    @property
    def test_interval(self) -> Interval | None:
        """The same for the test accuracy."""
        return mean_interval(self.test, self.test_n)


def collect_rows(study: Study) -> list[Row]:
    """A row for each variant, compared with the one it builds on, or else with the best; p values by Holm."""
    variants = study.variants()
    runs = {variant.name: study.runs(variant) for variant in variants}
    finalists = {variant.name for variant in study.spec.plan.finalists(variants)}
    groups = {
        variant.name: _read_group(variant, finished_runs(runs[variant.name]))
        for variant in variants
        if variant.name in finalists and finished_runs(runs[variant.name])
    }
    comparisons = compare_variants({variant.name: variant.after for variant in variants}, groups)
    return [
        replace(
            _build_row(variant, runs[variant.name]),
            published_accuracy=study.spec.published_accuracy(variant),
            comparison=comparisons.get(variant.name),
            is_finalist=variant.name in finalists,
        )
        for variant in variants
    ]


def _read_group(variant: Variant, runs: Sequence[Run]) -> Group:
    return replace(read_group(runs, "validation"), name=with_faults(variant.name, variant.recipe.faults))


def _build_row(variant: Variant, runs: Sequence[Run]) -> Row:
    """The row without what other variants or the paper add to it."""
    complete_runs = finished_runs(runs)
    pruned_runs = [run for run in runs if run.state == RunState.PRUNED]
    best = [max(row.validation_accuracy or 0.0 for row in run.history) for run in pruned_runs]
    return Row(
        variant.name,
        variant.recipe.faults,
        len(runs),
        _accuracies(complete_runs, "validation"),
        _accuracies(complete_runs, "test"),
        _image_count(complete_runs, "validation"),
        _image_count(complete_runs, "test"),
        published_accuracy=None,
        epochs=mean([len(run.history) for run in complete_runs or pruned_runs] or [0]),
        seconds=sum(run.status.get("train_seconds", 0.0) for run in (*complete_runs, *pruned_runs)),
        findings=diagnose_runs(variant.name, runs, complete_runs if not pruned_runs else ()),
        comparison=None,
        stopped_after=max((len(run.history) for run in pruned_runs), default=None),
        accuracy_when_stopped=mean(best) if best and not complete_runs else None,
    )


def _accuracies(runs: Sequence[Run], split: str) -> tuple[float, ...]:
    return tuple(float(run.results[split]["accuracy"]) for run in runs)


def _image_count(runs: Sequence[Run], split: str) -> int:
    """The images that each of these replicates was evaluated on; the fewest, where a later version counts others."""
    return min((int(run.results[split]["n"]) for run in runs), default=0)


def stopped_early(epochs: int) -> str:
    """The state of a run that its plan stopped after that many epochs."""
    return f"stopped early after {epochs} epoch{'' if epochs == 1 else 's'}"
