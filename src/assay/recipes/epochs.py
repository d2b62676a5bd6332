"""Which keys count epochs: a study at reduced scale shortens them all."""

from dataclasses import dataclass

from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class EpochCount:
    """Marks a key whose value, or whose own keys, count epochs: `every: Annotated[PositiveInt, STAGE]`.

    ends_stage: the count divides the run into stages, so a shorter run must have them all.
    """

    ends_stage: bool


STAGE = EpochCount(ends_stage=True)  # the end of a stage, or its first epoch, such as that of a drop
LENGTH = EpochCount(ends_stage=False)  # any other number of epochs, such as a patience


def epoch_count(field: FieldInfo) -> EpochCount | None:
    """The mark of a section's field, if it counts epochs."""
    return next((mark for mark in field.metadata if isinstance(mark, EpochCount)), None)
