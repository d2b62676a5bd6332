"""Ray's settings in the environment of this process."""

import os

_DEFAULTS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def set_environment_defaults() -> None:
    """Set environment variables: send no usage data, start no cluster unasked, print nothing. The user's values win."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
