"""What a split lacks, found before training: sets that are empty, far smaller than asked, or without a class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import DataError
from assay.core.text import escape_line
from assay.data.folds import FOLDS
from assay.data.load import LoadedData
from assay.data.split import Indices
from assay.recipes.schema import Data

_NAMES = 5  # classes that a line names


@dataclass(frozen=True, eq=False)
class _Part:
    """Validation or test images: their places, and how many were asked for (None: given, not drawn)."""

    name: str
    rows: Indices
    wanted: float | None


def check_test_images(loaded: LoadedData, data: Data) -> None:
    """Raise DataError if a folder's split has no test image."""
    if loaded.folder is None or len(loaded.split.test):
        return
    source, groups = escape_line(loaded.images.source), loaded.folder.scan.groups[loaded.folder.rows("train", None)]
    if not any(len(loaded.folder.split(data.model_copy(update={"fold": n})).test) for n in range(FOLDS)):
        raise DataError(
            f"{source}: no class can be tested, because each has a single image or a single group of near-duplicates; "
            "add images, or put test images into a folder test/"
        )
    raise DataError(
        f"{source}: fold {data.fold + 1} of {FOLDS} has no test image, because the images are only "
        f"{len(np.unique(groups))} without near-duplicates; add images, choose another data.fold, "
        "or put test images into a folder test/"
    )


def describe_gaps(loaded: LoadedData, data: Data) -> list[str]:
    """A line for each set with less than half of the images asked for, or without a class that is trained on."""
    lines = [_describe_part(part, loaded) for part in _parts(loaded, data)]
    return [line for line in lines if line]


def describe_folds(loaded: LoadedData, folds: Sequence[Indices]) -> list[str]:
    """Lines about photos that are in none of the folds' test images, and about folds far smaller than the others."""
    assert loaded.folder is not None
    learnable, tested = loaded.folder.rows("train", None), np.concatenate(folds)
    lines, labels, names = [], loaded.images.labels, loaded.images.class_names
    if len(tested) < len(learnable):
        untested = [name for label, name in enumerate(names) if label not in labels[tested]]
        lines.append(
            f"warning: {len(tested):,} of {len(learnable):,} photos are tested"
            + (f", none of {_join_names(untested)}" if untested else "")
            + ": a class with a single image or group of near-duplicates, and copies of these, are only trained on"
        )
    sizes = [len(fold) for fold in folds]
    if min(sizes) < len(tested) / FOLDS / 2:
        lines.append(f"warning: the folds have {min(sizes):,} to {max(sizes):,} test images; {_GROUPS}")
    return lines


_GROUPS = "near-duplicates stay together, `assay data check` lists them"


def _parts(loaded: LoadedData, data: Data) -> list[_Part]:
    """The sets that are checked: validation, and for a folder the test images."""
    split, folder = loaded.split, loaded.folder
    if folder is None:
        return [_Part("the validation set", split.validation, data.validation * len(loaded.images))]
    is_test_given, is_validation_given = bool(len(folder.rows("test"))), bool(len(folder.rows("validation")))
    learnable = len(folder.rows("train", None))
    left = learnable if is_test_given else learnable - len(split.test)
    return [
        _Part("the validation set", split.validation, None if is_validation_given else data.validation * left),
        _Part("the test set", split.test, None)
        if is_test_given
        else _Part(f"the test set, fold {data.fold + 1} of {FOLDS},", split.test, learnable / FOLDS),
    ]


def _describe_part(part: _Part, loaded: LoadedData) -> str:
    """`warning: the test set has 3 of about 16 images, none of ill`; empty if nothing is amiss."""
    labels, names, size = loaded.images.labels, loaded.images.class_names, len(part.rows)
    if part.wanted == 0:
        return ""
    if not size:
        return f"warning: {part.name} is empty: {part.wanted:.2g} images were asked for" if part.wanted else ""
    missing = [names[label] for label in np.setdiff1d(labels[loaded.split.train], labels[part.rows])]
    is_small = part.wanted is not None and size < part.wanted / 2
    if not is_small and not missing:
        return ""
    text = f"warning: {part.name} has {size:,}"
    text += f" of about {part.wanted:,.0f} images" if is_small else f" image{'s' if size > 1 else ''}"
    text += f", none of {_join_names(missing)}" if missing else ""
    return f"{text}; {_GROUPS}" if loaded.folder and part.wanted and loaded.folder.scan.duplicates else text


def _join_names(names: Sequence[str]) -> str:
    text = ", ".join(map(escape_line, names[:_NAMES]))
    return f"{text} and {len(names) - _NAMES:,} more classes" if len(names) > _NAMES else text
