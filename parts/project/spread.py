"""Spread work over processes here or, where CLOSEDBOOK_RAY names a Ray cluster, over its machines: the results are the same."""

import multiprocessing
import os
import platform
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from parts.project.errors import UserError

ADDRESS = "CLOSEDBOOK_RAY"
PROCESSES = "CLOSEDBOOK_READERS"
START = "forkserver"  # a fork of this process would copy the threads' locks of its libraries
AHEAD = 4  # batches a core that are sent before the first result is taken: memory does not grow with those after them


def is_on_ray() -> bool:
    """Tell whether CLOSEDBOOK_RAY names a cluster."""
    return bool(os.environ.get(ADDRESS))


def processes() -> int:
    """Return the number of processes to work in here, CLOSEDBOOK_READERS or one a core."""
    return int(os.environ.get(PROCESSES) or os.cpu_count() or 1)


def spread(function: Callable[[Any], Any], batches: Sequence[Any]) -> Iterator[Any]:
    """Yield function(batch) of each of `batches`, in their order, each as soon as it and those before it are there.

    `function` is one of a module, and its result depends on the batch alone: Ray calls it again where a machine is lost.
    Raises UserError where the cluster cannot be used, or a process here is killed.
    """
    if is_on_ray():
        yield from _by_ray(function, batches)
        return
    context = multiprocessing.get_context(START)
    try:
        with ProcessPoolExecutor(min(processes(), max(1, len(batches))), context) as pool:
            yield from pool.map(function, batches)
    except BrokenProcessPool as error:
        raise UserError(f"a process was killed, for want of memory perhaps: set {PROCESSES} lower") from error


def _by_ray(function: Callable[[Any], Any], batches: Sequence[Any]) -> Iterator[Any]:
    ray = _connect()
    task, pending = ray.remote(_run), deque()
    try:
        for batch in batches:
            pending.append(task.remote(os.getcwd(), function, batch))
            if len(pending) > AHEAD * ray.cluster_resources().get("CPU", 1):  # a cluster may grow
                yield ray.get(pending.popleft())
        while pending:
            yield ray.get(pending.popleft())
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise UserError(f"{ADDRESS}: the cluster gave up: {str(error).splitlines()[0]}") from error
    finally:
        for result in pending:
            ray.cancel(result)


def _run(folder: str, function: Callable[[Any], Any], batch: Any) -> Any:
    """Return function(batch), called in `folder`, so that relative paths lead where they do on the machine that asks."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise UserError(
            f"{ADDRESS}: {folder} cannot be opened on {platform.node()}: the project must lie at the same path on every machine"
        ) from error
    return function(batch)


def _connect():
    """Return the module ray, connected to the cluster."""
    try:
        import ray
    except ImportError as error:
        raise UserError(f"{ADDRESS}: Ray is not installed: pip install 'closedbook[ray]', or unset it") from error
    if not ray.is_initialized():
        address = os.environ[ADDRESS]
        try:
            if ":" in address:  # Ray would try for minutes
                socket.create_connection(address.rsplit(":", 1), timeout=10).close()
            ray.init(address, log_to_driver=False, logging_level="error")
        except (OSError, RuntimeError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise UserError(f"{ADDRESS}={address}: {line}: start it with `ray start --head`, or unset it") from error
    return ray
