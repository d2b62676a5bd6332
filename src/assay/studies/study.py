"""The Study: a folder with what it is to do and a run for each variant and seed.

<runs>/<name>-study/: study.yaml and the runs. The runs are the truth: a study that was killed asks its plan again and
finds what has ended already.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import mean

from assay.core.errors import UsageError
from assay.core.files import atomic_write, disk_errors, file_lock
from assay.experiments.run import Run, runs_folder
from assay.experiments.run_state import RunState
from assay.recipes.recipe import Recipe
from assay.studies.spec import StudySpec, read_study
from assay.studies.variant import Scores, Variant

WORST = -inf  # the score of a variant of which a run did not finish


@dataclass(frozen=True)
class Trial:
    """One run of a study, made or not. `folder` lies in the study's; `start` is a run whose weights it begins with."""

    variant: Variant
    recipe: Recipe
    folder: Path
    start: Path | None = None

    @property
    def run(self) -> Run | None:
        """The run, if it was begun."""
        return Run(self.folder) if (self.folder / "recipe.yaml").exists() else None

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do, as of the function."""
        return self.run is not None and has_ended(self.run)


def has_ended(run: Run) -> bool:
    """Whether nothing is left to do: finished, stopped early by the plan, or diverged, which would repeat."""
    status = run.status
    return status.get("state") in (RunState.FINISHED, RunState.PRUNED) or bool(status.get("diverged"))


@dataclass(frozen=True)
class Study:
    """A study folder and what it is to do."""

    folder: Path
    spec: StudySpec

    @classmethod
    def planned(cls, spec: StudySpec, runs: Path | None = None) -> "Study":
        """The study as it would be, with nothing written."""
        return cls((runs or runs_folder()) / f"{spec.name}-study", spec)

    @classmethod
    def create(cls, spec: StudySpec, runs: Path | None = None) -> "Study":
        """The folder of this study, made if it is new. Raises UsageError if there is a different one of that name."""
        folder = cls.planned(spec, runs).folder
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        file = folder / "study.yaml"
        if not file.exists():
            atomic_write(file, spec.to_yaml())
        before = read_study(str(file))
        if before != spec:
            keys = [key for key in StudySpec.model_fields if getattr(before, key) != getattr(spec, key)]
            raise UsageError(
                f"{folder} holds another study of the name {spec.name}: it differs in {', '.join(keys)}. Give this one "
                "another name, or put back what was changed"
            )
        return cls(folder, spec)

    @classmethod
    def open(cls, folder: Path) -> "Study":
        """The study in a folder. Raises UsageError if there is none."""
        if not (folder / "study.yaml").is_file():
            raise UsageError(f"{folder} is not a study's folder (it has no study.yaml)")
        return cls(folder, read_study(str(folder / "study.yaml")))

    @classmethod
    def find(cls, name: str, runs: Path | None = None) -> "Study | None":
        """The study of that folder or name, if there is one."""
        folders = (Path(name), (runs or runs_folder()) / name, (runs or runs_folder()) / f"{name}-study")
        return next((cls.open(folder) for folder in folders if (folder / "study.yaml").is_file()), None)

    def groups(self) -> list[list[Run]]:
        """The finished runs of each variant that has some."""
        found = ([self.member(variant, seed) for seed in self.spec.seeds] for variant in self.variants())
        runs = ([one.run for one in members if one.run and one.run.is_finished] for members in found)
        return [group for group in runs if group]

    def variants(self) -> list[Variant]:
        """All that the plan asks for, as far as the runs so far decide."""
        if not self.spec.plan.decides:
            return self.spec.variants({})
        found: list[Variant] = []
        while (more := self.spec.variants(self.scores(found))) != found:
            found = more
        return found

    def members(self) -> list[Trial]:
        """A run for each variant and seed, all variants of a seed before the next seed."""
        variants = self.variants()
        return [one for seed in self.spec.seeds for one in self._of_seed(variants, seed)]

    def _of_seed(self, variants: Sequence[Variant], seed: int) -> Iterator[Trial]:
        before: Path | None = None
        for variant in variants:
            one = self.member(variant, seed)
            yield replace(one, start=before if "shared-weights" in variant.recipe.faults else None)
            before = one.folder

    def member(self, variant: Variant, seed: int) -> Trial:
        """The run of a variant with a seed."""
        name = f"{self.folder.name}/{variant.slug}"
        recipe = variant.recipe.override({"name": name, "seed": seed})
        return Trial(variant, recipe, self.folder / f"{variant.slug}-{recipe.hash}-s{seed}")

    def scores(self, variants: Sequence[Variant]) -> Scores:
        """The mean score of each variant whose runs have all ended."""
        found: dict[str, float] = {}
        for variant in variants:
            members = [self.member(variant, seed) for seed in self.spec.seeds]
            if all(one.has_ended for one in members):
                values = [self._score(one.run) for one in members if one.run]
                found[variant.name] = mean(values)
        return found

    def _score(self, run: Run) -> float:
        if not run.is_finished:
            return WORST
        if self.spec.score == "accuracy":
            return float(run.results["validation"]["accuracy"])
        return self.spec.epoch_score(run.history[run.status["best_epoch"] - 1]) or 0.0

    def file_lock(self) -> AbstractContextManager[None]:
        """Hold the study, so that no second process runs it. Raises AssayError if one does."""
        return file_lock(self.folder / ".lock", 0, f"another process is running {self.folder}")
