"""A finding reads as one sentence, and its severity is a plain word."""

import json
from dataclasses import asdict

from assay.core.finding import Finding, Severity


def test_a_finding_reads_as_message_cause_and_fix():
    finding = Finding("stuck", Severity.WARNING, "the loss does not fall", {"loss": 2.3}, "lr is 0", "raise lr")
    assert str(finding) == "the loss does not fall (lr is 0); raise lr"
    assert str(Finding("stuck", Severity.INFO, "the loss does not fall")) == "the loss does not fall"


def test_findings_can_be_kept_in_a_set_and_written_as_json():
    finding = Finding("stuck", Severity.ERROR, "no loss", {"epochs": [1, 2]})
    assert {finding} == {Finding("stuck", Severity.ERROR, "no loss", {"epochs": [1, 2]})}
    assert json.dumps(finding.severity) == '"error"'


def test_a_finding_survives_a_trip_through_json():
    finding = Finding("rule", Severity.ERROR, "message", {"a": [1, 2.5]}, "cause", "fix")
    assert Finding.from_dict(json.loads(json.dumps(asdict(finding)))) == finding
