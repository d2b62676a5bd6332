"""Makes `benchmarks/`, which is no part of the package, importable here."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
