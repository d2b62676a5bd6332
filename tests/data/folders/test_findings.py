"""Problems of a folder become findings with evidence, the worst last."""

import shutil

from assay.core.finding import Severity
from assay.data.folders.findings import find_problems
from assay.data.folders.folder import open_folder


def test_a_clean_folder_has_no_findings(fill):
    assert find_problems(open_folder(fill({"cat": 2, "dog": 2}), (3, 16, 16), 0.5).scan) == []


def test_each_problem_is_one_finding_with_its_files(fill):
    folder = fill({"train/cat": 3, "train/dog": 2, "test/cat": 2})
    shutil.copy(folder / "train/cat/01.png", folder / "test/cat/copy.png")
    shutil.copy(folder / "train/cat/01.png", folder / "train/dog/copy.png")
    shutil.copy(folder / "train/cat/02.png", folder / "train/cat/wrong.jpg")
    (folder / "train/cat/00.png").write_bytes(b"")
    findings = find_problems(open_folder(folder, (3, 16, 16), 0.5).scan)
    assert [finding.rule for finding in findings] == [
        "suspicious-files", "near-duplicates", "label-conflicts", "bad-files", "leaks",
    ]  # fmt: skip
    assert [finding.severity for finding in findings] == [
        Severity.INFO, Severity.INFO, Severity.WARNING, Severity.WARNING, Severity.ERROR,
    ]  # fmt: skip
    copies = "test/cat/copy.png = train/cat/01.png = train/dog/copy.png"
    assert findings[0].evidence["items"] == ("train/cat/wrong.jpg: a PNG file by its content",)
    assert findings[1].evidence == {"images": 5, "groups": 2, "identical": 2}
    assert findings[2].evidence["items"] == findings[4].evidence["items"] == (copies,)
    assert findings[3].evidence["items"] == ("train/cat/00.png: an empty file (0 bytes)",)
    assert findings[4].fix.startswith("keep each picture in one part")


def test_a_group_that_is_a_large_share_of_its_class_is_named(fill):
    folder = fill({"cat": 10, "dog": 20})
    for i in range(5):
        shutil.copy(folder / "cat/01.png", folder / f"cat/copy{i}.png")
    findings = {finding.rule: finding for finding in find_problems(open_folder(folder, (3, 16, 16), 0.5).scan)}
    assert findings["large-groups"].severity == Severity.WARNING
    assert findings["large-groups"].evidence["items"] == ("cat: 6 of 15 images, such as cat/01.png = cat/copy0.png",)
    assert "data.duplicates=exact" in findings["large-groups"].fix
