"""A study on disk: a folder with its study.yaml and a run for each variant and seed.

The runs are the source of truth: an interrupted study asks its plan again and finds the runs that have ended.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from statistics import mean

from assay.core.errors import UsageError
from assay.core.files import atomic_write, disk_errors, file_lock
from assay.experiments.run import Run, RunState, runs_folder
from assay.recipes.recipe import Recipe
from assay.studies.spec import StudySpec, parse_study
from assay.studies.variant import Scores, Variant

WORST = -inf  # the score of a run that did not finish


@dataclass(frozen=True)
class Trial:
    """One run of a study, made or planned. `start` is the folder of the run whose weights it starts from, if any."""

    variant: Variant
    recipe: Recipe
    folder: Path
    start: Path | None = None

    @property
    def run(self) -> Run | None:
        """The run, if it exists."""
        run = Run(self.folder)
        return run if run.exists else None

    @property
    def has_ended(self) -> bool:
        """Whether no work is left, as defined by the function `has_ended`."""
        return self.run is not None and has_ended(self.run)


def has_ended(run: Run) -> bool:
    """Whether no work is left: finished, stopped early by the plan, or diverged, which would repeat."""
    status = run.status
    return status.get("state") in (RunState.FINISHED, RunState.PRUNED) or bool(status.get("diverged"))


def finished_runs(runs: Sequence[Run]) -> list[Run]:
    """The runs that were trained to their end and scored."""
    return [run for run in runs if run.is_finished]


@dataclass(frozen=True)
class Study:
    """A study folder and what the study does."""

    folder: Path
    spec: StudySpec
    _trials: dict[tuple[str, int], Trial] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def locate(cls, spec: StudySpec, runs: Path | None = None) -> "Study":
        """The study in the runs folder, whether it exists or not; writes nothing."""
        folder = (runs or runs_folder()) / f"{spec.name}-study"
        old_folder = folder.with_name(folder.name.replace("-as-run", "-as-done"))  # its name in version 0.1
        if old_folder.exists() and not folder.exists():
            folder = old_folder
        return cls(folder, spec)

    @classmethod
    def create(cls, spec: StudySpec, runs: Path | None = None) -> "Study":
        """The study in the runs folder, created if new. Raises UsageError if its name belongs to a different study."""
        study = cls.locate(spec, runs)
        with disk_errors(study.folder):
            study.folder.mkdir(parents=True, exist_ok=True)
        file = study.folder / "study.yaml"
        if not file.exists():
            atomic_write(file, spec.to_yaml())
        keys = spec.differences(parse_study(file))
        if keys:
            raise UsageError(
                f"{study.folder} holds another study of the name {spec.name}: it differs in {', '.join(keys)}. "
                "Give this one another name, or undo the change"
            )
        return study

    @classmethod
    def open(cls, folder: Path) -> "Study":
        """The study in a folder. Raises UsageError if the folder holds none."""
        if not (folder / "study.yaml").is_file():
            raise UsageError(f"{folder} is not a study's folder (it has no study.yaml)")
        return cls(folder, parse_study(folder / "study.yaml"))

    @classmethod
    def find(cls, name: str, runs: Path | None = None) -> "Study | None":
        """The study of that folder or name; None if there is none."""
        folders = (Path(name), (runs or runs_folder()) / name, (runs or runs_folder()) / f"{name}-study")
        return next((cls.open(folder) for folder in folders if (folder / "study.yaml").is_file()), None)

    def variants(self) -> list[Variant]:
        """All variants that the plan lists, given the scores of the runs so far."""
        variants = self.spec.variants({})
        while self.spec.plan.needs_scores:
            more_variants = self.spec.variants(self.scores(variants))
            if more_variants is variants:  # built once for equal scores
                break
            variants = more_variants
        return variants

    def trials(self) -> list[Trial]:
        """A trial for each variant and seed: all variants of a seed before the next seed."""
        variants = self.variants()
        return [trial for seed in self.spec.seeds for trial in self._trials_of_seed(variants, seed)]

    def _trials_of_seed(self, variants: Sequence[Variant], seed: int) -> Iterator[Trial]:
        previous: Path | None = None
        for variant in variants:
            trial = self.trial(variant, seed)
            yield replace(trial, start=previous) if "shared-weights" in variant.recipe.faults else trial
            previous = trial.folder

    def trial(self, variant: Variant, seed: int) -> Trial:
        """The trial of a variant with a seed, built once."""
        cached_trial = self._trials.get((variant.name, seed))
        if cached_trial is None or cached_trial.variant is not variant:  # the scores may change what a step builds on
            cached_trial = self._trials[variant.name, seed] = self._build_trial(variant, seed)
        return cached_trial

    def _build_trial(self, variant: Variant, seed: int) -> Trial:
        name = f"{self.folder.name}/{variant.slug}"
        recipe = variant.recipe.override({"name": name, "seed": seed})
        return Trial(variant, recipe, self._trial_folder(variant, recipe))

    def _trial_folder(self, variant: Variant, recipe: Recipe) -> Path:
        """The folder of a trial's run. An old version's has another hash in its name: the stored recipe decides."""
        folder = self.folder / f"{variant.slug}-{recipe.hash}-s{recipe.seed}"
        if Run(folder).exists:
            return folder
        candidates = sorted(self.folder.glob(f"{variant.slug}-*-s{recipe.seed}"))
        matches = (path for path in candidates if Run(path).exists and Run(path).is_of(recipe))
        return next(matches, folder)

    def runs(self, variant: Variant) -> list[Run]:
        """The runs of a variant that exist, in the order of their seeds."""
        trials = (self.trial(variant, seed) for seed in self.spec.seeds)
        return [trial.run for trial in trials if trial.run]

    def groups(self) -> list[list[Run]]:
        """The finished runs of each variant that has any."""
        groups = (finished_runs(self.runs(variant)) for variant in self.variants())
        return [group for group in groups if group]

    def scores(self, variants: Sequence[Variant]) -> Scores:
        """The mean score of each variant whose runs have all ended."""
        scores: dict[str, float] = {}
        for variant in variants:
            trials = [self.trial(variant, seed) for seed in self.spec.seeds]
            if all(trial.has_ended for trial in trials):
                scores[variant.name] = mean(self._score(trial.run) for trial in trials if trial.run)
        return scores

    def _score(self, run: Run) -> float:
        """The score of the weights that the run keeps, which `stopping.metric` picked, whatever the study scores."""
        if not run.is_finished:
            return WORST
        if self.spec.score == "accuracy":
            return float(run.results["validation"]["accuracy"])
        return self.spec.epoch_score(run.history[run.status["best_epoch"] - 1]) or 0.0

    def file_lock(self) -> AbstractContextManager[None]:
        """Lock the study against a second process. Raises AssayError if another one holds the lock."""
        return file_lock(self.folder / ".lock", 0, f"another process is running {self.folder}")
