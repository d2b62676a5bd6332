"""Nets that have a name: the registry that `reports.py` and `fast.py` fill, and how a net's arguments are checked.

To add a net: write a function from the number of classes and its arguments to a list of lines, in the file where its
kin are, and register it with `@net(NAME, SHAPE)`. Its arguments and their types are checked by their annotations.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc, signature
from typing import Any

from pydantic import ValidationError, validate_call

from assay.core.errors import UsageError, unknown
from assay.core.registry import Registry

COLOR, GRAY = (3, 32, 32), (1, 28, 28)  # CIFAR-10, Fashion-MNIST


@dataclass(frozen=True)
class NamedNet:
    """A net that has a name. shape: the images (C, H, W) that it was made for; others may fit as well."""

    factory: Callable[..., list[str]]
    shape: tuple[int, int, int]

    @property
    def description(self) -> str:
        """One line on what it is."""
        return (getdoc(self.factory) or "").splitlines()[0]

    @property
    def defaults(self) -> dict[str, Any]:
        """Its arguments and their default values."""
        return {name: p.default for name, p in signature(self.factory).parameters.items() if name != "classes"}

    def lines(self, classes: int, arguments: dict[str, Any]) -> list[str]:
        """Its lines. Raises UsageError, `at` = ("arguments", name), for an argument that it has not or cannot use."""
        for name in arguments:
            if name not in self.defaults:
                error = unknown("argument", name, self.defaults) if self.defaults else _none(name)
                error.at = ("arguments", name)
                raise error
        try:
            return validate_call(self.factory)(classes, **arguments)
        except ValidationError as failure:
            first = failure.errors()[0]
            name = str(first["loc"][0])
            reason = {"missing": "too short", "tuple_type": "not a list"}.get(first["type"], first["msg"])
            values = f"given: {arguments[name]}; default: {written(self.defaults[name])}"
            raise UsageError(f"{name}: {reason[0].lower()}{reason[1:]} ({values})", at=("arguments", name)) from None


def written(value: object) -> str:
    """An argument's value as one types it: `[64,128,256]`."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _none(name: str) -> UsageError:
    return UsageError(f"unknown argument '{name}'; this net takes none")


NETS: Registry[NamedNet] = Registry("net")


def net(name: str, shape: tuple[int, int, int]) -> Callable[[Callable[..., list[str]]], Callable[..., list[str]]]:
    """Decorator that gives a factory its name and the shape of the images that it was made for."""

    def register(factory: Callable[..., list[str]]) -> Callable[..., list[str]]:
        NETS.add(name)(NamedNet(factory, shape))
        return factory

    return register
