"""The pictures of a study: which figures its plan has a use for, of which runs, and under which names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from assay.report.plots.hyperparameters import by_key, parallel
from assay.report.plots.study_curves import learning_curves, population
from assay.report.plots.study_data import VariantResults, keys_of
from assay.report.plots.study_intervals import intervals, waterfall
from assay.report.plots.style import save
from assay.studies.plans import Halving
from assay.studies.results import Row, remarks, rows
from assay.studies.study import Study
from assay.studies.variant import Variant, key_names, short

FEWEST_RUNS = 5  # that a share of runs is said of

_EPOCHS = "training.epochs"


def draw(study: Study) -> list[Path]:
    """Write the pictures to <study folder>/figures; returns their paths: none of a study without a finished run.

    A ladder becomes a waterfall; of a grid, draws or a search it is shown what each hyper-parameter does.
    """
    table = rows(study)
    variants = [_measured(study, *one) for one in zip(study.variants(), table, strict=True)]
    if not any(one.accuracies for one in variants):
        return []
    title = study.spec.name
    size = [f"Scaled to {study.spec.scale:g} of the work."] if study.spec.scale < 1 else []
    figures: dict[str, Callable[[], Figure]] = {
        "intervals": lambda: intervals(variants, title, [*remarks(table), *size]),
        "learning-curves-loss": lambda: learning_curves(variants, "loss", title, size),
        "learning-curves-accuracy": lambda: learning_curves(variants, "accuracy", title, size),
    }
    if any(one.comparison for one in variants) and any(one.after for one in study.variants()):
        figures["waterfall"] = lambda: waterfall(variants, title, size)
    figures |= _of_keys(study, variants, title, size)
    paths = []
    for name, figure in figures.items():
        paths.append(study.folder / "figures" / f"{name}.png")
        save(figure(), paths[-1])
    return paths


def _of_keys(
    study: Study, variants: list[VariantResults], title: str, notes: list[str]
) -> Mapping[str, Callable[[], Figure]]:
    """What hyper-parameters do, where several values of one were tried."""
    keys, rungs = keys_of(variants), _rungs(study)
    found: dict[str, Callable[[], Figure]] = {}
    if any(key.name != rungs for key in keys):
        found["by-key"] = lambda: by_key(variants, rungs, title, notes)
    if len(keys) > 1:
        found["parallel"] = lambda: parallel(variants, title, notes)
    first = [
        one for one in variants if not rungs or one.values[rungs] == min(other.values[rungs] for other in variants)
    ]
    if keys and sum(len(one.accuracies) for one in first) >= FEWEST_RUNS:
        rung = ["The first rung alone: in later ones are only the best."] if len(first) < len(variants) else []
        found["population"] = lambda: population(first, title, [*rung, *notes])
    return found


def _rungs(study: Study) -> str | None:
    """The hyper-parameter, by name, by which runs of a search are of different lengths and do not compare."""
    if not isinstance(study.spec.plan, Halving):
        return None
    return key_names([*study.spec.plan.over, _EPOCHS])[-1]


def _measured(study: Study, variant: Variant, row: Row) -> VariantResults:
    runs = [run for seed in study.spec.seeds if (run := study.member(variant, seed).run)]
    finished = [run for run in runs if run.is_finished]
    return VariantResults(
        variant.name,
        row.validation,
        lost=study.spec.replicates - len(finished),
        histories=tuple([epoch.to_dict() for epoch in run.history] for run in finished),
        values=dict(zip(key_names(variant.values), map(_value, variant.values.values()), strict=True)),
        faults=variant.recipe.faults,
        comparison=row.comparison,
    )


def _value(value: Any) -> float | str:
    """A number as it is, and all else as a word."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else short(value)
