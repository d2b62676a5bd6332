"""A Finding: a problem that a rule has detected in data, a recipe, a run or a study, with its cause and fix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How serious a finding is."""

    INFO = "info"  # good to know
    WARNING = "warning"  # results may be worse or less certain than they look
    ERROR = "error"  # results are wrong, or there are none


@dataclass(frozen=True)
class Finding:
    """What a rule has detected.

    rule: the rule's name, `stuck-at-chance`. message: what is wrong and where, as a sentence without a full stop.
    evidence: the values that the message rests on, by name. cause: the probable reason. fix: what to do.
    """

    rule: str
    severity: Severity
    message: str
    evidence: Mapping[str, object] = field(default_factory=dict, hash=False)
    cause: str = ""
    fix: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Finding":
        """The inverse of `dataclasses.asdict`, also after a trip through JSON."""
        return cls(**{**values, "severity": Severity(values["severity"])})

    def __str__(self) -> str:
        """Message, cause and fix on one line: `MESSAGE (CAUSE); FIX`."""
        cause = f" ({self.cause})" if self.cause else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.message}{cause}{fix}"
