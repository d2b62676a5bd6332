"""`assay reproduce`: run a paper's own studies, as intended and as run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import UsageError
from assay.data.photo_files import find_photos
from assay.studies.engines import Engine
from assay.studies.papers import PAPERS, PaperStudy
from assay.studies.progress import SilentProgress, StudyProgress
from assay.studies.runner import study
from assay.studies.stand_ins import WeightsCheck, use_available_weights
from assay.studies.study import Study


@dataclass(frozen=True)
class Reproduction:
    """The studies of a paper on disk. table: as intended first, then as run."""

    table: list[Study]
    searches: list[Study]
    sweeps: list[Study]

    @property
    def all_studies(self) -> list[Study]:
        """Every study, in the order in which they ran."""
        return [*self.table, *self.searches, *self.sweeps]


def reproduce(
    name: str,
    changes: dict[str, Any],
    engine: Engine | None = None,
    runs: Path | None = None,
    progress: StudyProgress | None = None,
) -> Reproduction:
    """Run the studies of a paper, or resume them.

    changes: `scale` or `replicates` for all of them. progress: observes the runs, and gets a line for each net whose
    weights are not available. Raises UsageError for an unknown paper.
    """
    progress = progress or SilentProgress()
    paper, check = PAPERS[name], WeightsCheck(progress.on_message)

    def run_all(studies: Sequence[PaperStudy]) -> list[Study]:
        specs = (use_available_weights(paper_study.spec(changes), check) for paper_study in studies)
        return [study(spec, engine=engine, runs=runs, progress=progress) for spec in specs]

    return Reproduction(
        table=run_all((paper.as_intended, *paper.as_run)),
        searches=run_all(paper.searches),
        sweeps=run_all(paper.sweeps),
    )


def check_photos(name: str, folder: Path) -> None:
    """Raise UsageError for a paper without photos or a folder without any, before anything is trained."""
    if not PAPERS[name].has_photos:
        raise UsageError(f"the paper {name} has no photos; --photos is for own-photos")
    find_photos(folder)
