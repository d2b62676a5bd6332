"""Names to things: the one way in which assay looks up a data set, a net, a layer or a schedule by name."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from assay.core.errors import unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """A mapping from names to things of one kind; an unknown name is an error that shows the nearest ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str) -> Callable[[T], T]:
        """Decorator that registers a thing under a name. A name taken twice is a defect: ValueError."""

        def register(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._things[name] = thing
            return thing

        return register

    def __getitem__(self, name: str) -> T:
        """The thing of that name. Raises UsageError with the nearest names."""
        if name not in self._things:
            raise unknown(self.kind, name, self._things)
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))
