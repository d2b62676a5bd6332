"""Tables of images: CSV with path, label and an optional split, Hugging Face metadata, and maps of class names."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.core.errors import DataError
from assay.data.folders.listing import Entry, SplitName

PARTS: dict[str, SplitName] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip

_PATH = ("path", "file_name", "filename", "file", "image", "image_path")
_LABEL = ("label", "class", "category")
_SPLIT = ("split", "set", "part", "subset")


def read_table(
    path: Path, root: Path, part: SplitName | None = None, labels_needed: bool = True
) -> tuple[list[Entry], Counter[str]]:
    """The rows of a table, and the number of skipped rows by reason. Image paths are relative to the table's folder.

    part: used for rows that give none. Raises DataError, with the line, for a table without columns for path and label;
    without `labels_needed` such a table has no rows.
    """
    entries, skip_counts = [], Counter[str]()
    for line, row in _read_rows(path):
        file, label, split = (_first(row, names) for names in (_PATH, _LABEL, _SPLIT))
        if file is None or label is None:
            if not labels_needed:
                return [], Counter()
            raise DataError(
                f"{path}:{line}: needs a column for the image ({', '.join(_PATH)}) and one for the class "
                f"({', '.join(_LABEL)}); found: {', '.join(row)}"
            )
        if not file or not label:
            skip_counts["rows without an image or a label"] += 1
            continue
        image = _relative_to(path.parent / file, root)
        entries.append(Entry(image, label, _parse_part(split, f"{path}:{line}") or part))
    return entries, skip_counts


def read_class_map(root: Path, folders: set[str]) -> tuple[dict[str, str], list[str]]:
    """The display names of classes in class_map.json, class_map.csv or classes.txt, and its names without a class.

    Two classes with the same display name become one class.
    """
    class_map = _read_class_map(root, folders)
    names = {folder: name for folder, name in class_map.items() if folder in folders}
    return names, sorted(set(class_map) - set(names))


def _read_class_map(root: Path, folders: set[str]) -> dict[str, str]:
    path = root / "class_map.json"
    if path.is_file():
        values = _parse_json(_read_text(path), f"{path}")
        return {str(folder): str(name) for folder, name in values.items()}
    path = root / "class_map.csv"
    if path.is_file():
        rows = [row for row in csv.reader(io.StringIO(_read_text(path))) if len(row) >= 2]
        has_header = bool(rows) and rows[0][0] not in folders
        return {folder.strip(): name.strip() for folder, name, *_ in (rows[1:] if has_header else rows)}
    path = root / "classes.txt"
    lines = [line.strip() for line in _read_text(path).splitlines()] if path.is_file() else []
    return dict(_split_line(line, folders) for line in lines if line)


def _split_line(line: str, folders: set[str]) -> tuple[str, str]:
    """Split a line `n01440764 tench` into folder and name; the name may be missing, folders may contain blanks."""
    starts = [name for name in folders if line.startswith(name) and line[len(name) : len(name) + 1] in ("", *" \t,:=")]
    folder = max(starts, key=len, default=line.split(maxsplit=1)[0])
    return folder, line[len(folder) :].strip(" \t,:=") or folder


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a CSV or JSON-lines file with their line numbers, keys in lower case."""
    text = _read_text(path)
    if path.suffix.lower() == ".jsonl":
        for line, content in enumerate(text.splitlines(), start=1):
            if content.strip():
                yield line, {key.lower(): value for key, value in _parse_json(content, f"{path}:{line}").items()}
        return
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count), restkey="")
    try:
        for row in reader:
            yield reader.line_num, {str(key).strip().lower(): value for key, value in row.items()}
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not a CSV table ({error})") from None


def _parse_json(text: str, place: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise DataError(f"{place}: not a JSON object ({error})") from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error})") from None


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The value of the first of these columns that exists, as text; None if none exists."""
    for name in names:
        if name in row:
            return "" if row[name] is None else str(row[name]).strip()
    return None


def _parse_part(word: str | None, place: str) -> SplitName | None:
    if not word:
        return None
    if word.lower() not in PARTS:
        raise DataError(f"{place}: unknown part '{word}'; known: {', '.join(PARTS)}")
    return PARTS[word.lower()]


def _relative_to(path: Path, root: Path) -> str:
    plain = os.path.normpath(path)
    return os.path.relpath(plain, root) if Path(plain).is_relative_to(root) else plain
