"""Plug-ins: installed packages that add nets, data sets, schedules and the like to assay's registries.

A plug-in names a module under the entry-point group `assay.plugins`. Importing the module registers its entries with
the same decorators that assay uses for its own.
"""

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

GROUP = "assay.plugins"

_log = logging.getLogger(__name__)  # without a handler, Python prints a warning as one line on standard error


class _Progress:
    """What has happened in this process so far."""

    has_started = False
    current = ""  # the plug-in that is being imported


def load_plugins() -> None:
    """Import every installed plug-in, once per process."""
    if not _Progress.has_started:
        _Progress.has_started = True  # first, because a plug-in may itself look something up
        import_plugins(entry_points(group=GROUP))


def import_plugins(plugins: Iterable[EntryPoint]) -> None:
    """Import the modules of these plug-ins. A broken one is a warning that names it and the reason."""
    for plugin in sorted(plugins):
        _Progress.current = plugin.dist.name if plugin.dist else plugin.name
        try:
            plugin.load()
        except (Exception, SystemExit) as error:
            warn(_Progress.current, f"{plugin.value} cannot be imported, {type(error).__name__}: {error}")
        finally:
            _Progress.current = ""


def current_plugin() -> str:
    """The name of the plug-in that is being imported; empty if there is none."""
    return _Progress.current


def warn(plugin: str, problem: str) -> None:
    """Log one line about a problem with a plug-in."""
    _log.warning("assay: plug-in %s: %s", plugin, " ".join(problem.split()))
