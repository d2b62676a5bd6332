"""The papers: the five published texts whose experiments are built-in studies, as intended and as run.

Add one with `PAPERS.add("name")(Paper(...))`; its studies are YAML files in `builtin/`.
"""

from dataclasses import dataclass
from typing import Any

from assay.core.registry import Registry
from assay.studies.spec import StudySpec, read_study


@dataclass(frozen=True)
class PaperStudy:
    """A built-in study of a paper; with `faults` it is the study as run."""

    study: str
    faults: tuple[str, ...] = ()

    def spec(self, changes: dict[str, Any]) -> StudySpec:
        """The study. With faults, or of another size, it has a name and so a folder of its own."""
        spec = read_study(self.study)
        faulty = {"changes": {**spec.changes, "faults": list(self.faults)}} if self.faults else {}
        suffixes = ["as-run"] if faulty else []
        suffixes += [f"{key}-{value:g}" for key, value in sorted(changes.items())]
        return spec.replace({**faulty, **changes, "name": "-".join([spec.name, *suffixes])})


@dataclass(frozen=True)
class Paper:
    """The studies of a paper: as intended, as run, and its searches, each with its fault next to it.

    sweeps: further studies, each with a table of all metrics; the first study then has one too.
    """

    as_intended: PaperStudy
    as_run: tuple[PaperStudy, ...]
    searches: tuple[PaperStudy, ...] = ()
    sweeps: tuple[PaperStudy, ...] = ()

    @property
    def has_photos(self) -> bool:
        """Whether the paper gives accuracies on photos."""
        return bool(read_study(self.as_intended.study).reported_on_photos)


PAPERS: Registry[Paper] = Registry("paper")

PAPERS.add("kth")(
    Paper(
        PaperStudy("kth"),
        as_run=(PaperStudy("kth", ("double-softmax", "unnormalized-test")), PaperStudy("kth-batch-norm")),
    )
)
PAPERS.add("mlflow-grid")(
    Paper(
        PaperStudy("mlflow-grid"),
        as_run=(PaperStudy("mlflow-grid-relu-as-run"), PaperStudy("mlflow-grid-leaky-as-run")),
    )
)
PAPERS.add("own-photos")(Paper(PaperStudy("own-photos"), as_run=(PaperStudy("own-photos", ("select-on-test",)),)))

_MISLED_SEARCH = ("batch-scaled-loss", "swapped-split")
PAPERS.add("fashion")(
    Paper(
        PaperStudy("fashion"),
        as_run=(PaperStudy("fashion", ("swapped-split",)),),
        searches=(
            PaperStudy("fashion-search-adam"),
            PaperStudy("fashion-search-adam", _MISLED_SEARCH),
            PaperStudy("fashion-search-sgd"),
            PaperStudy("fashion-search-sgd", _MISLED_SEARCH),
        ),
    )
)
PAPERS.add("transfer")(
    Paper(
        PaperStudy("transfer"),
        as_run=(PaperStudy("transfer", ("select-on-test",)),),
        sweeps=tuple(PaperStudy(f"transfer-{name}") for name in ("epochs", "rates", "batches", "wishes")),
    )
)
