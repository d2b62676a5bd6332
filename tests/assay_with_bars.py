"""The command `assay` with one more named data set, the bars of conftest.py: for tests that need a real process."""

from assay.cli.main import main
from assay.data.sources import SOURCES
from conftest import bars_source

SOURCES.add("bars")(bars_source())
if __name__ == "__main__":  # a study's workers read this file too
    main()
