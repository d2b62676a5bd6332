"""Labels: how a recipe is called in tables, figures and messages."""

from collections.abc import Sequence


def with_faults(name: str, faults: Sequence[str]) -> str:
    """The name with its injected faults, so that no table shows one without the other: `cnn [FAULTY: no-shuffle]`."""
    return f"{name} [FAULTY: {', '.join(faults)}]" if faults else name
