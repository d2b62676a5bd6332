"""Does batch norm help? A study of two nets with three seeds each: `python examples/run_study.py`."""

from pathlib import Path

from assay import study
from assay.studies.results import collect_rows

STUDY = """\
base: fashion/cnn
changes: {training.epochs: 1, data.share: 0.05}
replicates: 3
plan:
  name: ladder
  base_name: plain
  steps:
    batch norm: fashion/cnn-bn
"""


def main(folder: Path = Path()) -> dict[str, str]:
    """Write the study's file, run the study or resume it, and return the verdict of each variant."""
    file = folder / "batch-norm-example.yaml"
    file.write_text(STUDY, encoding="utf-8")
    finished = study(str(file), runs=folder / "runs")
    return {row.name: row.comparison.verdict if row.comparison else "the base" for row in collect_rows(finished)}


if __name__ == "__main__":
    for name, verdict in main().items():
        print(f"{name}: {verdict}")
