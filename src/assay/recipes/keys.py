"""Key paths of a recipe or study: written with dots, looked up in a file, and nested values made flat."""

from collections.abc import Mapping
from typing import Any

KeyPath = tuple[str | int, ...]  # ("augment", 2) is the third line of `augment`
Places = Mapping[KeyPath, str]  # the file and line, or the command-line word, that a key comes from


def dotted_key(path: KeyPath) -> str:
    """A key path as people write it: `optimizer.lr`."""
    return ".".join(str(part) for part in path)


def nearest_place(path: KeyPath, places: Places) -> str:
    """Where the key stands, or the innermost section around it with a known place; empty if there is none."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, "")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted keys: `{"optimizer.lr": 0.1}`. An empty mapping leaves no key."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def all_keys(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """All dotted keys of nested values, those of sections too."""
    keys: list[str] = []
    for key, value in values.items():
        keys.append(f"{prefix}{key}")
        if isinstance(value, dict):
            keys += all_keys(value, f"{prefix}{key}.")
    return keys
