"""The identity of a recipe: the values by which two runs are replicates of each other, and their hash.

The identity holds only what differs from the defaults, and a version that is raised whenever a default changes. So a
new key with a default, a new schedule or a new section changes no hash. The name of a net stands for its definition,
which is part of the identity too: nets are known to a later package, which adds `net_definition` to the registry here.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from assay.core.registry import Registry
from assay.recipes.schema import Model, Section

SCHEMA_VERSION = 1  # raise it whenever the default of a recipe's key changes

NetDefinition = Callable[[Model], list[str] | None]  # the lines of a net that a recipe names

NET_DEFINITIONS: Registry[NetDefinition] = Registry("net definition", ["assay.models.fingerprint"])


def changed_values(section: Section) -> dict[str, Any]:
    """The values of a section that differ from its defaults, as plain values. A section's name always does."""
    plain = section.model_dump(mode="json")
    values: dict[str, Any] = {}
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if value != field.get_default(call_default_factory=True):
            values[key] = changed_values(value) if isinstance(value, Section) else plain[key]
    return values


def identity_hash(values: dict[str, Any], model: Model) -> str:
    """Eight hex digits of the changed values of a recipe and the definition of its net."""
    definitions = [NET_DEFINITIONS[name](model) for name in NET_DEFINITIONS]
    content = {"schema": SCHEMA_VERSION, "recipe": values, "net": definitions}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
