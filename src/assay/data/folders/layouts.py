"""The layouts of folders of photographs, and which of them a folder has. The rows of tables are read in `tables`.

class/image, {train,val,test}/class/image, a CSV, and Hugging Face's metadata.csv or metadata.jsonl. Classes are in
the order of their names, as sorted by Python (by code point: A, B, a).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from assay.core.errors import UsageError
from assay.core.text import escape_line
from assay.data.folders.crawler import Walk
from assay.data.folders.listing import Entry, Listing, Part, composed, twins
from assay.data.folders.manifests import PARTS, read_class_map, read_table

_METADATA = ("metadata.csv", "metadata.jsonl")
_LAYOUTS = "class/image, train/class/image and test/class/image, a .csv of path,label, or metadata.csv|jsonl"


def find_images(path: Path) -> Listing:
    """The images of a folder or a table (.csv, .jsonl), by the first layout that fits. Raises UsageError, DataError."""
    if path.is_file():
        entries, left_out = read_table(path, path.parent)
        return _finished(path.parent, f"the table {path.name}", entries, Walk(path.parent, left_out))
    if not path.is_dir():
        raise UsageError(f"there is no folder or table {path}")
    walk = Walk(path)
    folders = walk.folders()
    parts = {name: part for name in folders if (part := PARTS.get(name.lower()))}
    entries = _metadata(path, parts, walk)
    if entries:
        return _finished(path, "metadata", entries, walk)
    if parts and (len(parts) == len(folders) or "train" in parts.values()) and _hold_classes(parts, walk):
        return _of_parts(path, parts, [name for name in folders if name not in parts], walk)
    return _of_classes(path, folders, walk)


def _metadata(root: Path, parts: dict[str, Part], walk: Walk) -> list[Entry]:
    """The rows of the metadata files with labels: of the folder's own, or of those in the folders of its parts."""
    found: list[Entry] = []
    for below, part in [("", None), *parts.items()]:
        table = next((root / below / name for name in _METADATA if (root / below / name).is_file()), None)
        if table is None:
            continue
        entries, left_out = read_table(table, root, part, labels_needed=False)
        if not below and entries:
            walk.left_out += left_out
            return entries
        found += entries
        walk.left_out += left_out
    return found


def _hold_classes(parts: dict[str, Part], walk: Walk) -> bool:
    """Whether there are folders in the folders of the parts: else they are classes that are called so."""
    return any(walk.folders(name) for name in parts)


def _of_parts(root: Path, parts: dict[str, Part], others: list[str], walk: Walk) -> Listing:
    entries, empty = [], set()
    for folder in ("", *parts):
        walk.claim(folder)
        walk.left_out["images beside the class folders"] += len(walk.direct(folder))
    places = [(folder, label) for folder in parts for label in walk.folders(folder) if walk.claim(f"{folder}/{label}")]
    for folder, label in places:
        paths = list(walk.images(f"{folder}/{label}"))
        entries += [Entry(path, label, parts[folder]) for path in paths]
        empty |= set() if paths else {label}
    notes = [f"{escape_line(name)}/ is none of train, validation, test, and is left out" for name in others]
    return _finished(root, "part/class/image", entries, walk, empty - {e.label for e in entries}, notes)


def _of_classes(root: Path, folders: list[str], walk: Walk) -> Listing:
    entries, empty = [], set()
    walk.claim("")
    walk.left_out["images beside the class folders"] += len(walk.direct())
    for label in [name for name in folders if walk.claim(name)]:
        paths = list(walk.images(label))
        entries += [Entry(path, label) for path in paths]
        empty |= set() if paths else {label}
    return _finished(root, "class/image", entries, walk, empty)


def _finished(
    root: Path, layout: str, entries: list[Entry], walk: Walk, empty: Collection[str] = (), notes: Sequence[str] = ()
) -> Listing:
    """The Listing in its order, classes called by their shown names, and what is odd about the names said."""
    if not entries:
        raise UsageError(f"{escape_line(str(root))} holds no labeled image; known layouts: {_LAYOUTS}")
    names = composed({entry.label for entry in entries} | set(empty))
    class_map, unknown = read_class_map(root, set(names))
    names |= class_map
    said = [
        *notes,
        *(f"the class map names {escape_line(name)}, which is not there" for name in unknown),
        *_odd_names("classes", sorted(names.values())),
        *_odd_names("files", [entry.path for entry in entries]),
    ]
    unique, refused = _once([Entry(e.path, names[e.label], e.part) for e in entries], walk)
    return Listing(
        root, layout, unique, tuple(sorted(names[label] for label in empty)), (*walk.refused, *refused),
        {reason: n for reason, n in sorted(walk.left_out.items()) if n}, tuple(said),
    )  # fmt: skip


def _once(entries: list[Entry], walk: Walk) -> tuple[tuple[Entry, ...], list[tuple[str, str]]]:
    """Each path once, ascending; those that a table gives two classes or parts are refused."""
    found: dict[str, set[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.path, set()).add(entry)
    walk.left_out["rows that repeat another"] += len(entries) - sum(map(len, found.values()))
    refused = [
        (
            path,
            "is listed as " + " and as ".join(sorted(f"{escape_line(e.label)} {e.part or ''}".strip() for e in same)),
        )
        for path, same in found.items()
        if len(same) > 1
    ]
    return tuple(same.pop() for _, same in sorted(found.items()) if len(same) == 1), refused


def _odd_names(kind: str, names: list[str]) -> list[str]:
    """A note on names that some file systems, and most people, take for one."""
    return [
        f"{len(same)} {kind} differ in case or Unicode form alone: {', '.join(escape_line(name) for name in same)}"
        for same in twins(list(dict.fromkeys(names)))
    ]
