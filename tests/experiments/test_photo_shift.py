"""The domain shift to your own photos: its files, and a counted look."""

import json

from assay.core.runtime import Runtime
from assay.experiments.photo_shift import measure_shift

FP32 = Runtime("cpu", "fp32", threads=1)


def test_the_panel_is_in_the_runs_folder(bars_run, bars_photos):
    result, picture = measure_shift(bars_run, bars_photos, runtime=FP32)
    assert picture.is_file()
    stored = json.loads((bars_run.folder / f"{picture.stem}.json").read_text())
    assert stored["verdict"] == result.verdict
    assert stored["antialias"]
    assert (result.n, result.training_n, result.training_size) == (30, 1800, "8 x 8 px")
    assert result.size == "128 x 160 px in the median, from 120 x 160 to 136 x 160"
    assert bars_run.looks[-1]["by"] == "shift"
    parts = {path.stem for path in (bars_run.folder / "predictions" / picture.stem).glob("*.npz")}
    assert parts == {"as-they-are", "reports-blur", "sharpness", "contrast", "brightness", "all-of-these"}


def test_an_earlier_panel_stays(bars_run, bars_photos):
    _, first = measure_shift(bars_run, bars_photos, runtime=FP32)
    before = first.read_bytes()
    _, second = measure_shift(bars_run, bars_photos, runtime=FP32)
    assert second.stem == f"{first.stem}-2"
    assert first.read_bytes() == before
