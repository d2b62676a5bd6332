"""The states of a run and the names of its image sets, as they are stored."""

from enum import StrEnum


class RunState(StrEnum):
    """`state` in status.json. A run that was killed stays `running`."""

    RUNNING = "running"
    STOPPED = "stopped"  # by the user, after a checkpoint
    FAILED = "failed"
    FINISHED = "finished"
    PRUNED = "pruned"  # stopped early by a study's plan; it never saw the test set


class SplitName(StrEnum):
    """The part of a data set that an image belongs to. The full name of a set is `<data set>/<split>`."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"

    def of(self, data: str) -> str:
        """The full name of this part of a data set, `cifar10/test`."""
        return f"{data}/{self}"


def is_test_set(full_name: str) -> bool:
    """Whether a set's full name, `cifar10/test`, is that of a test set."""
    return full_name.rpartition("/")[2] == SplitName.TEST
