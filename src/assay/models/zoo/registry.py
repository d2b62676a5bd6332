"""The registry of named nets, the decorator that fills it, and the check of a net's arguments.

To add a net, write a function from the number of classes and its arguments to a list of lines, in a file of this
folder, and put `@net(NAME, SHAPE)` above it. Its arguments are checked by their annotations.
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

NetFunction = Callable[..., list[str]]  # (classes, ...) to lines

_REASONS = {"missing": "too short", "tuple_type": "not a list"}  # in place of pydantic's


@dataclass(frozen=True)
class NamedNet:
    """A net with a name. shape: the images (C, H, W) that it was designed for; others may fit as well."""

    factory: NetFunction
    shape: tuple[int, int, int]

    @property
    def description(self) -> str:
        """The first line of its docstring."""
        return (getdoc(self.factory) or "").splitlines()[0]

    @property
    def defaults(self) -> dict[str, Any]:
        """Its arguments and their default values."""
        return {name: p.default for name, p in signature(self.factory).parameters.items() if name != "classes"}

    def lines(self, classes: int, arguments: dict[str, Any]) -> list[str]:
        """Its lines. Raises UsageError, `at` = ("arguments", name), for an unknown argument or a wrong value."""
        for name in arguments:
            if name not in self.defaults:
                raise self._unknown_argument(name)
        try:
            return validate_call(self.factory)(classes, **arguments)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            reason = _REASONS.get(first["type"], first["msg"])
            values = f"given: {arguments[name]}; default: {format_argument(self.defaults[name])}"
            raise UsageError(f"{name}: {reason[0].lower()}{reason[1:]} ({values})", at=("arguments", name)) from None

    def _unknown_argument(self, name: str) -> UsageError:
        if self.defaults:
            error = unknown("argument", name, self.defaults)
        else:
            error = UsageError(f"unknown argument '{name}'; this net takes none")
        error.at = ("arguments", name)
        return error


NETS: Registry[NamedNet] = Registry("net", modules=("assay.models.zoo.papers", "assay.models.zoo.airbench"))


def net(name: str, shape: tuple[int, int, int]) -> Callable[[NetFunction], NetFunction]:
    """Decorator that registers a net. shape: the images (C, H, W) that it was designed for."""

    def register(factory: NetFunction) -> NetFunction:
        NETS.add(name)(NamedNet(factory, shape))
        return factory

    return register


def format_argument(value: object) -> str:
    """An argument's value as you type it: `[64,128,256]`."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
