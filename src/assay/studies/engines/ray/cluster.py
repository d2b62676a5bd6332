"""A connection to a Ray cluster, its resources, and its error messages."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import ray
from ray._private import ray_constants

from assay.core.errors import AssayError
from assay.core.runtime import Runtime

_STORE_BYTES = 80 * 2**20  # of a cluster on this machine; no large object goes through Ray's object store


@contextmanager
def connect(address: str | None, cpus: int) -> Iterator[None]:
    """Connect to the cluster at `address`, or start one with `cpus` on this machine; an existing connection is reused.

    Raises AssayError if no cluster answers.
    """
    if ray.is_initialized():
        yield
        return
    local_options: dict[str, Any] = {
        "num_cpus": cpus, "object_store_memory": _STORE_BYTES, "include_dashboard": False,
    }  # fmt: skip
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with nullcontext() if address else ray_patched_to_loopback():
            ray.init(address or "local", **quiet, **({} if address else local_options))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise AssayError(f"no Ray cluster answers at {address or 'this machine'}: {error}") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def ray_patched_to_loopback() -> Iterator[None]:
    """Patch a private constant of Ray, so that a cluster started within listens on 127.0.0.1 only.

    Ray has no option for it, and its clusters ask for no password.
    """
    original = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = original


def run_resources(runtime: Runtime) -> dict[str, float]:
    """Ray's resources for one run."""
    gpu = {"GPU": 1} if runtime.device.startswith("cuda") else {}
    return {"CPU": runtime.threads, **gpu}


def count_slots(runtime: Runtime) -> int:
    """The number of runs that the connected cluster has room for."""
    return sum(_node_slots(node["Resources"], runtime) for node in ray.nodes() if node["Alive"])


def _node_slots(resources: Mapping[str, float], runtime: Runtime) -> int:
    return min(int(resources.get(name, 0) // number) for name, number in run_resources(runtime).items())


def last_line(error: BaseException) -> str:
    """The message of an error from another process, without its traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"^[\w.]*(Error|Exception): ", "", lines[-1])
