"""The Ray engine (extra `ray`): a study's runs on the nodes of a Ray cluster, and plan asha by Ray Tune.

Importing this package sets Ray's environment defaults, because Ray reads some of them when it is imported. What travels
between a worker and the study folder, and when: `engines/file_sync.py`.
"""

from importlib import import_module

from assay.core.errors import MissingExtraError
from assay.studies.engines.ray.environment import set_environment_defaults

set_environment_defaults()
try:
    import_module("ray")
except ImportError:
    raise MissingExtraError("the Ray engine", "ray") from None
