"""Tables that name images: CSV with path, label and perhaps split; Hugging Face's metadata; a map of class names."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.core.errors import DataError
from assay.data.folders.listing import Entry, Part

PARTS: dict[str, Part] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip

_PATH = ("path", "file_name", "filename", "file", "image", "image_path")
_LABEL = ("label", "class", "category")
_SPLIT = ("split", "set", "part", "subset")


def read_table(
    path: Path, root: Path, part: Part | None = None, labels_needed: bool = True
) -> tuple[list[Entry], Counter[str]]:
    """The rows of a table, and how many were left out, by the reason. Image paths are relative to the table's folder.

    part: of all rows that give none. Raises DataError, with the line, for a table without columns for path and label;
    without `labels_needed` such a table has no rows.
    """
    entries, left_out = [], Counter[str]()
    for line, row in _rows(path):
        file, label, split = (_first(row, names) for names in (_PATH, _LABEL, _SPLIT))
        if file is None or label is None:
            if not labels_needed:
                return [], Counter()
            raise DataError(
                f"{path}:{line}: needs a column for the image ({', '.join(_PATH)}) and one for the class "
                f"({', '.join(_LABEL)}); found: {', '.join(row)}"
            )
        if not file or not label:
            left_out["rows without an image or a label"] += 1
            continue
        entries.append(Entry(_relative(path.parent / file, root), label, _part(split, f"{path}:{line}") or part))
    return entries, left_out


def read_class_map(root: Path, folders: set[str]) -> tuple[dict[str, str], list[str]]:
    """What class_map.json, class_map.csv or classes.txt beside the images calls each class, and names it has in excess.

    Two classes of one shown name become one class.
    """
    pairs = _class_map(root, folders)
    known = {name: shown for name, shown in pairs.items() if name in folders}
    return known, sorted(set(pairs) - set(known))


def _class_map(root: Path, folders: set[str]) -> dict[str, str]:
    path = root / "class_map.json"
    if path.is_file():
        values = _json(_text(path), f"{path}")
        return {str(name): str(shown) for name, shown in values.items()}
    path = root / "class_map.csv"
    if path.is_file():
        rows = [row for row in csv.reader(io.StringIO(_text(path))) if len(row) >= 2]
        header = bool(rows) and rows[0][0] not in folders
        return {name.strip(): shown.strip() for name, shown, *_ in rows[header:]}
    path = root / "classes.txt"
    lines = [line.strip() for line in _text(path).splitlines()] if path.is_file() else []
    return dict(_pair(line, folders) for line in lines if line)


def _pair(line: str, folders: set[str]) -> tuple[str, str]:
    """A line `n01440764 tench`, or a folder's name alone; a name with blanks in it is recognized."""
    begins = [name for name in folders if line.startswith(name) and line[len(name) : len(name) + 1] in ("", *" \t,:=")]
    name = max(begins, key=len, default=line.split(maxsplit=1)[0])
    return name, line[len(name) :].strip(" \t,:=") or name


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a CSV or JSON-lines file with their lines, keys in lower case."""
    text = _text(path)
    if path.suffix.lower() == ".jsonl":
        for line, content in enumerate(text.splitlines(), start=1):
            if content.strip():
                yield line, {key.lower(): value for key, value in _json(content, f"{path}:{line}").items()}
        return
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count), restkey="")
    try:
        for row in reader:
            yield reader.line_num, {str(key).strip().lower(): value for key, value in row.items()}
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not a CSV table ({error})") from None


def _json(text: str, place: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise DataError(f"{place}: not a JSON object ({error})") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error})") from None


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The value of the first of these columns that is there, as text; None where there is no such column."""
    found = next((name for name in names if name in row), None)
    return None if found is None else "" if row[found] is None else str(row[found]).strip()


def _part(word: str | None, place: str) -> Part | None:
    if not word:
        return None
    if word.lower() not in PARTS:
        raise DataError(f"{place}: unknown part '{word}'; known: {', '.join(PARTS)}")
    return PARTS[word.lower()]


def _relative(path: Path, root: Path) -> str:
    whole = os.path.normpath(path)
    return os.path.relpath(whole, root) if Path(whole).is_relative_to(root) else whole
