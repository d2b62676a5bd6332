"""Folders of small pictures that are all different, and a data root of their own for the cache."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Fill = Callable[..., Path]


def picture(seed: int, side: int = 24) -> Image.Image:
    """A picture unlike that of any other seed: large blots of color."""
    blots = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(blots).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture(name="picture")
def _picture() -> Callable[..., Image.Image]:
    return picture


@pytest.fixture(autouse=True)
def root(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data root."""
    folder = tmp_path_factory.mktemp("root")
    monkeypatch.setenv("ASSAY_DATA", str(folder))
    return folder


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Make a folder with so many pictures in each class: `fill({"cat": 3, "test/dog": 2})`."""

    def make(counts: dict[str, int], name: str = "photos") -> Path:
        folder, seed = tmp_path / name, sum(map(ord, name))
        for place, n in counts.items():
            (folder / place).mkdir(parents=True, exist_ok=True)
            for i in range(n):
                seed += 1
                picture(seed).save(folder / place / f"{i:02d}.png")
        return folder

    return make
