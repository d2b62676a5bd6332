"""Which images a run was trained and scored on, as its folder has it: runs on different ones are not comparable."""

from collections.abc import Sequence
from itertools import combinations

from assay.core.errors import DataError
from assay.data.imageset import ImageSet
from assay.data.location import is_path
from assay.evaluation.image_identity import UNKNOWN_IMAGES, ImageIdentity
from assay.experiments.fault_injection import Faults
from assay.experiments.run import Run, SplitName
from assay.recipes.recipe import Recipe


def training_identity(run: Run) -> ImageIdentity:
    """All images that the run split. Raises DataError if config.json is damaged."""
    return _identity(run, "data_fingerprint", "data_contents")


def scored_identity(run: Run, on: str) -> ImageIdentity:
    """The set that the run's `validation` or `test` images belong to.

    Unknown for the test set of a named data set, whose files are checked when they are read.
    """
    config = run.read_json("config.json")
    if on == SplitName.VALIDATION and not Faults(run.recipe).validate_on_test:
        return training_identity(run)
    if config.get("test_fingerprint"):
        return _identity(run, "test_fingerprint", "")
    return training_identity(run) if config.get("data_contents") else UNKNOWN_IMAGES


def check_replicates(runs: Sequence[Run]) -> None:
    """Raise DataError, naming two runs, if replicates were not trained and tested on the same images.

    Runs that stored no fingerprint match all others.
    """
    sets = {
        "trained on different images": {run: training_identity(run) for run in runs},
        "tested on different images": {run: scored_identity(run, SplitName.TEST) for run in runs},
    }
    for difference, identities in sets.items():
        for first, second in combinations(runs, 2):
            a, b = identities[first], identities[second]
            if a.matches(b) is False or (a.shape and b.shape and a.shape != b.shape):
                raise DataError(
                    f"{first.name} and {second.name} are not replicates: they were {difference}. "
                    f"{run_data(first)} and {run_data(second)} differ in pictures, labels or their order; "
                    "compare runs on the same images"
                )


def check_own_test(run: Run, test: ImageSet | None) -> None:
    """Raise DataError unless these are your own test images that the run was set up with, if it was."""
    fingerprint = run.read_json("config.json").get("test_fingerprint")
    if fingerprint and test is None:
        raise DataError(f"{run.name} was set up with your own test images; give them again: resume(..., test=...)")
    if fingerprint and test is not None and fingerprint != test.fingerprint:
        raise DataError(f"the test images of {test.source} are not those that {run.name} was set up with")


def replicate_hash(run: Run) -> str:
    """The hash that replicates share: of the recipe, whatever the place of a folder whose content is known."""
    recipe = run.recipe
    has_content = bool(training_identity(run).fingerprint)
    return _without_place(recipe).hash if has_content and is_path(recipe.data.name) else recipe.hash


def run_data(run: Run) -> str:
    """What a run was trained on, in words: `the images of /photos (fingerprint 1a2b3c4d)`."""
    fingerprint = training_identity(run).fingerprint
    return f"{run.recipe.data.name} (fingerprint {fingerprint[:8]})" if fingerprint else run.recipe.data.name


def _identity(run: Run, fingerprint_key: str, contents_key: str) -> ImageIdentity:
    config = run.read_json("config.json")
    shape = config.get("preprocess", {}).get("source_shape", ())
    return ImageIdentity(config.get(fingerprint_key, ""), tuple(shape), config.get(contents_key, ""))


def _without_place(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"name": "folder"})})
