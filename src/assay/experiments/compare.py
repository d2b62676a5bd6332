"""`compare`: is the difference between runs, or groups of replicates, real?"""

from collections.abc import Sequence
from pathlib import Path

from assay.core.errors import UsageError, unknown
from assay.evaluation.comparison import Comparison, compare_all
from assay.experiments.replicates import count_looks, find_group, read_group
from assay.experiments.run import Run, SplitName

_SETS = (SplitName.VALIDATION, SplitName.TEST)


def compare(
    *groups: str | Run | Sequence[Run], on: str = SplitName.VALIDATION, pairs: bool = False, runs: Path | None = None
) -> list[Comparison]:
    """Whether accuracies on the same images differ: each run or group with the first one, or every pair.

    groups: runs, lists of replicates, or names: see `replicates.find_group`. on: `validation`, or `test`, where a look
    is counted. Raises UsageError, and DataError where the images are not the same.
    """
    if on not in _SETS:
        raise unknown("set of images", on, _SETS)
    if len(groups) < 2:
        raise UsageError("give at least two runs, or groups of replicates, to compare")
    run_lists = [_as_runs(group, runs) for group in groups]
    folders = {tuple(run.folder.resolve() for run in members) for members in run_lists}
    if len(folders) < len(run_lists):
        raise UsageError("the same runs are given twice")
    predictions = [read_group(members, on) for members in run_lists]
    comparisons = compare_all(predictions, None if pairs else predictions[0])
    if on == SplitName.TEST:  # after all refusals, which show nothing, and before the result is shown
        for members in run_lists:
            count_looks(members)
    return comparisons


def _as_runs(group: str | Run | Sequence[Run], runs: Path | None) -> Sequence[Run]:
    if isinstance(group, str):
        return find_group(group, runs)
    return [group] if isinstance(group, Run) else group
