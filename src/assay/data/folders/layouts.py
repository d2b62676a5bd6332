"""The layouts that a folder of photos may have, and reading the images of one. Tables are read by `manifests`.

Layouts: class/image, {train,val,test}/class/image, a CSV, and Hugging Face's metadata.csv or metadata.jsonl. Classes
are sorted by name as Python sorts strings (by code point: A, B, a).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from assay.core.errors import UsageError
from assay.core.text import escape_line
from assay.data.folders.crawler import Crawler
from assay.data.folders.listing import Entry, Listing, Reasons, SplitName, compose_labels, similar_names
from assay.data.folders.manifests import PARTS, read_class_map, read_table

_METADATA = ("metadata.csv", "metadata.jsonl")
_LAYOUTS = "class/image, train/class/image and test/class/image, a .csv of path,label, or metadata.csv|jsonl"


def find_images(path: Path) -> Listing:
    """List the images of a folder or table (.csv, .jsonl), by the first layout that fits.

    Raises UsageError if there is nothing to list, DataError for a damaged table.
    """
    if path.is_file():
        entries, skip_counts = read_table(path, path.parent)
        return _make_listing(path.parent, f"the table {path.name}", entries, Crawler(path.parent, skip_counts))
    if not path.is_dir():
        raise UsageError(f"there is no folder or table {path}")
    crawler = Crawler(path)
    folders = crawler.list_folders()
    parts = {name: PARTS[name.lower()] for name in folders if name.lower() in PARTS}
    entries = _read_metadata(path, parts, crawler)
    if entries:
        return _make_listing(path, "metadata", entries, crawler)
    if _are_parts(parts, folders, crawler):
        return _list_parts(path, parts, [name for name in folders if name not in parts], crawler)
    return _list_classes(path, folders, crawler)


def _read_metadata(root: Path, parts: dict[str, SplitName], crawler: Crawler) -> list[Entry]:
    """The rows of metadata files with labels, in the folder itself or in the folders of its parts."""
    rows: list[Entry] = []
    for below, part in [("", None), *parts.items()]:
        table = next((root / below / name for name in _METADATA if (root / below / name).is_file()), None)
        if table is None:
            continue
        entries, skip_counts = read_table(table, root, part, labels_needed=False)
        crawler.skip_counts += skip_counts
        if not below and entries:
            return entries
        rows += entries
    return rows


def _are_parts(parts: dict[str, SplitName], folders: list[str], crawler: Crawler) -> bool:
    """Whether folders called train, test and so on are parts: they must contain folders, else they are classes."""
    if not parts or (len(parts) < len(folders) and "train" not in parts.values()):
        return False
    return any(crawler.list_folders(name) for name in parts)


def _list_parts(root: Path, parts: dict[str, SplitName], extra_folders: list[str], crawler: Crawler) -> Listing:
    entries: list[Entry] = []
    empty: set[str] = set()
    for folder in ("", *parts):
        crawler.claim(folder)
        crawler.skip_counts["images beside the class folders"] += len(crawler.list_images(folder))
    # all class folders are claimed before any is walked
    classes = [(folder, label) for folder in parts for label in crawler.list_folders(folder)]
    classes = [(folder, label) for folder, label in classes if crawler.claim(f"{folder}/{label}")]
    for folder, label in classes:
        paths = list(crawler.walk_images(f"{folder}/{label}"))
        entries += [Entry(path, label, parts[folder]) for path in paths]
        if not paths:
            empty.add(label)
    empty -= {entry.label for entry in entries}
    notes = [f"{escape_line(name)}/ is none of train, validation, test, and is left out" for name in extra_folders]
    return _make_listing(root, "part/class/image", entries, crawler, empty, notes)


def _list_classes(root: Path, folders: list[str], crawler: Crawler) -> Listing:
    entries: list[Entry] = []
    empty: set[str] = set()
    crawler.claim("")
    crawler.skip_counts["images beside the class folders"] += len(crawler.list_images())
    for label in [name for name in folders if crawler.claim(name)]:
        paths = list(crawler.walk_images(label))
        entries += [Entry(path, label) for path in paths]
        if not paths:
            empty.add(label)
    return _make_listing(root, "class/image", entries, crawler, empty)


def _make_listing(
    root: Path, layout: str, entries: list[Entry], crawler: Crawler, empty: Collection[str] = (),
    notes: Sequence[str] = (),
) -> Listing:  # fmt: skip
    """The Listing, with entries in order, display names for classes, and notes on odd names."""
    if not entries:
        raise UsageError(f"{escape_line(str(root))} holds no labeled image; known layouts: {_LAYOUTS}")
    names = compose_labels({entry.label for entry in entries} | set(empty))
    class_map, extra_names = read_class_map(root, set(names))
    names |= class_map
    notes = [
        *notes,
        *(f"the class map names {escape_line(name)}, which is not there" for name in extra_names),
        *_note_similar_names("classes", sorted(names.values())),
        *_note_similar_names("files", [entry.path for entry in entries]),
    ]
    unique, contradictions = _unique_entries([Entry(e.path, names[e.label], e.part) for e in entries], crawler)
    return Listing(
        root, layout, unique, tuple(sorted(names[label] for label in empty)),
        (*crawler.unreadable, *contradictions),
        {reason: n for reason, n in sorted(crawler.skip_counts.items()) if n}, tuple(notes),
    )  # fmt: skip


def _unique_entries(entries: list[Entry], crawler: Crawler) -> tuple[tuple[Entry, ...], Reasons]:
    """Each path once, ascending, and the paths to which a table gives several classes or parts."""
    by_path: dict[str, set[Entry]] = {}
    for entry in entries:
        by_path.setdefault(entry.path, set()).add(entry)
    crawler.skip_counts["rows that repeat another"] += len(entries) - sum(map(len, by_path.values()))
    unique = tuple(next(iter(group)) for _, group in sorted(by_path.items()) if len(group) == 1)
    return unique, tuple((path, _describe(group)) for path, group in by_path.items() if len(group) > 1)


def _describe(entries: set[Entry]) -> str:
    places = sorted(f"{escape_line(entry.label)} {entry.part or ''}".strip() for entry in entries)
    return "is listed as " + " and as ".join(places)


def _note_similar_names(kind: str, names: list[str]) -> list[str]:
    """Notes on names that some file systems, and most people, take for the same."""
    return [
        f"{len(group)} {kind} differ in case or Unicode form alone: {', '.join(map(escape_line, group))}"
        for group in similar_names(list(dict.fromkeys(names)))
    ]
