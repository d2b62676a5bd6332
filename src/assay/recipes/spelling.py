"""The spelling of recipes: British words and names of assay 0.1 are accepted and written back as the American ones."""

from typing import Any

_AMERICAN = {
    "optimiser": "optimizer",
    "normalise": "normalize",
    "centred": "centered",
    "drops": "piecewise",
    "unnormalised-test": "unnormalized-test",
}


def american(value: Any) -> Any:
    """Plain values of a recipe or study with every key, dotted key and word in American spelling."""
    if isinstance(value, dict):
        return {american_key(key): american(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [american(inner) for inner in value]
    return american_word(value)


def american_key(key: Any) -> Any:
    """A dotted key with every word in American spelling."""
    return ".".join(map(american_word, key.split("."))) if isinstance(key, str) else key


def american_word(word: Any) -> Any:
    """A word in American spelling; anything that is no text is returned as it is."""
    return _AMERICAN.get(word, word) if isinstance(word, str) else word
