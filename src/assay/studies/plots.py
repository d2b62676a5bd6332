"""The figures of a study: which ones its plan calls for, and the data handed to `assay.report.plots`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from assay.report.plots.hyperparameters import accuracy_by_hyperparameter, parallel_coordinates
from assay.report.plots.study_curves import learning_curves, population
from assay.report.plots.study_data import VariantResults, varied_hyperparameters
from assay.report.plots.study_intervals import intervals, waterfall
from assay.report.plots.style import save
from assay.studies.results import Row, collect_rows
from assay.studies.study import Study, finished_runs
from assay.studies.study_table import table_notes
from assay.studies.variant import Variant, short, short_keys

MIN_RUNS = 5  # for a figure about shares of runs

Figures = Mapping[str, Callable[[], Figure]]  # by file name


def draw_study(study: Study) -> list[Path]:
    """Write the figures to <study folder>/figures; returns their paths, none for a study without a finished run.

    A ladder gets a waterfall; a grid, random draws or a search show the effect of each hyperparameter.
    """
    variants, rows = study.variants(), collect_rows(study)
    results = [_variant_results(study, variant, row) for variant, row in zip(variants, rows, strict=True)]
    if not any(result.accuracies for result in results):
        return []
    has_parents = any(variant.after for variant in variants)
    paths = []
    for name, draw in _choose_figures(study, results, table_notes(rows), has_parents).items():
        path = study.folder / "figures" / f"{name}.png"
        save(draw(), path)
        paths.append(path)
    return paths


def _choose_figures(
    study: Study, results: Sequence[VariantResults], luck_notes: Sequence[str], has_parents: bool
) -> Figures:
    title, scale = study.spec.name, study.spec.scale
    notes = [f"Scaled to {scale:g} of the work."] if scale < 1 else []
    figures: dict[str, Callable[[], Figure]] = {
        "intervals": lambda: intervals(results, title, [*luck_notes, *notes]),
        "learning-curves-loss": lambda: learning_curves(results, "loss", title, notes),
        "learning-curves-accuracy": lambda: learning_curves(results, "accuracy", title, notes),
    }
    if has_parents and any(result.comparison for result in results):
        figures["waterfall"] = lambda: waterfall(results, title, notes)
    return {**figures, **_hyperparameter_figures(results, _budget_name(study), title, notes)}


def _hyperparameter_figures(
    results: Sequence[VariantResults], budget: str | None, title: str, notes: Sequence[str]
) -> Figures:
    """The effect of hyperparameters, where several values of one were tried. budget: the one that rungs differ in."""
    keys = varied_hyperparameters(results)
    figures: dict[str, Callable[[], Figure]] = {}
    if any(key.name != budget for key in keys):
        figures["by-key"] = lambda: accuracy_by_hyperparameter(results, budget, title, notes)
    if len(keys) > 1:
        figures["parallel"] = lambda: parallel_coordinates(results, title, notes)
    first_rung = _first_rung(results, budget)
    if keys and sum(len(result.accuracies) for result in first_rung) >= MIN_RUNS:
        is_partial = len(first_rung) < len(results)
        rung_notes = ["Only the first rung: later ones hold only the best."] if is_partial else []
        figures["population"] = lambda: population(first_rung, title, [*rung_notes, *notes])
    return figures


def _first_rung(results: Sequence[VariantResults], budget: str | None) -> list[VariantResults]:
    """The variants with the shortest runs of a search; without a search, all of them."""
    if budget is None:
        return list(results)
    shortest = min(result.values[budget] for result in results)
    return [result for result in results if result.values[budget] == shortest]


def _budget_name(study: Study) -> str | None:
    """The short name of the hyperparameter in which the rungs of a search differ."""
    key = study.spec.plan.budget_key
    if key is None:
        return None
    keys = study.variants()[0].values
    return dict(zip(keys, short_keys(keys), strict=True))[key]


def _variant_results(study: Study, variant: Variant, row: Row) -> VariantResults:
    complete_runs = finished_runs(study.runs(variant))
    names = short_keys(variant.values)
    return VariantResults(
        variant.name,
        row.validation,
        missing=study.spec.replicates - len(complete_runs),
        histories=tuple([epoch.to_dict() for epoch in run.history] for run in complete_runs),
        values={name: _axis_value(value) for name, value in zip(names, variant.values.values(), strict=True)},
        faults=variant.recipe.faults,
        comparison=row.comparison,
        interval=row.interval,
    )


def _axis_value(value: Any) -> float | str:
    """A number as it is, anything else as a word."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else short(value)
