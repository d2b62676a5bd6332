"""The folders outside your project: data sets and pretrained weights, in the user's cache unless you name others."""

import os
from pathlib import Path

import platformdirs


def data_root() -> Path:
    """The folder of the data sets: $ASSAY_DATA, or assay's folder in the user's cache."""
    folder = os.environ.get("ASSAY_DATA")
    return Path(folder).expanduser() if folder else Path(platformdirs.user_cache_dir("assay"))


def weights_folder() -> Path:
    """The folder of pretrained weights: $ASSAY_WEIGHTS, or `weights` beside the data sets."""
    folder = os.environ.get("ASSAY_WEIGHTS")
    return Path(folder).expanduser() if folder else data_root() / "weights"


def machine_cache() -> Path:
    """The folder of what assay has measured on this machine, always in the user's cache."""
    return Path(platformdirs.user_cache_dir("assay")) / "machine"
