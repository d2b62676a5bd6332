"""Name-to-object registries with did-you-mean errors: data sets, nets, layers, schedules and all else with a name.

A registry imports the modules with its built-in entries, and the installed plug-ins, at the first lookup.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from threading import RLock
from typing import Generic, TypeVar

from assay.core.errors import unknown
from assay.core.plugins import current_plugin, load_plugins, warn

T = TypeVar("T")

_loading = RLock()  # one for all registries, because a plug-in may fill several


class Registry(Generic[T]):
    """A mapping from names to entries of one kind.

    kind: what an entry is, for messages: `net`. modules: the dotted names of the modules with the built-in entries;
    `assay.data.datasets.*` stands for every file of that folder.
    """

    def __init__(self, kind: str, modules: Sequence[str] = ()) -> None:
        self.kind = kind
        self._modules = list(modules)
        self._entries: dict[str, T] = {}
        self._plugins: dict[str, str] = {}  # the plug-in of each entry that comes from one

    def add(self, name: str) -> Callable[[T], T]:
        """Decorator that registers an entry under a name. Raises ValueError for a name that is already taken."""

        def register(entry: T) -> T:
            plugin = current_plugin()
            if name in self._entries and (plugin or name not in self._plugins):
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            if name in self._plugins:  # imported before the built-in entries
                warn(self._plugins.pop(name), f"assay has a {self.kind} '{name}' of its own, and uses that")
            if plugin:
                self._plugins[name] = plugin
            self._entries[name] = entry
            return entry

        return register

    @contextmanager
    def replaced(self, name: str, entry: T) -> Iterator[T]:
        """Within it, `name` stands for `entry`, whether it is taken or not. For tests."""
        self._load()
        entries = dict(self._entries)
        self._entries[name] = entry
        try:
            yield entry
        finally:
            self._entries = entries

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._entries)

    def entries(self) -> dict[str, T]:
        """All entries by name, in the order in which they were registered."""
        self._load()
        return dict(self._entries)

    def __getitem__(self, name: str) -> T:
        """The entry of that name. Raises UsageError with the nearest names."""
        self._load()
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load(self) -> None:
        """Import the built-in entries, then the plug-ins; both register themselves."""
        with _loading:
            while self._modules:
                _import(self._modules.pop(0))
            load_plugins()


def _import(pattern: str) -> None:
    """Import a module, or with `.*` at its end every file of a folder; folders within it are left alone."""
    if not pattern.endswith(".*"):
        import_module(pattern)
        return
    package = import_module(pattern.removesuffix(".*"))
    for module in iter_modules(package.__path__):
        if not module.ispkg:
            import_module(f"{package.__name__}.{module.name}")
