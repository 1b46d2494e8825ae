"""A Ray cluster of two machines on this one, and how to lose one of them in the middle of its work."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock
from uuid import uuid4

from parts.project import spread

SIZE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@contextlib.contextmanager
def cluster_of_one() -> Iterator["Cluster"]:  # noqa: F821 - imported where it is used
    """Yield a cluster of one machine of one core, with CLOSEDBOOK_RAY set."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=SIZE | {"include_dashboard": False})
    try:
        with mock.patch.dict(os.environ, {spread.ADDRESS: cluster.address}):
            yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@contextlib.contextmanager
def second_machine(cluster: "Cluster") -> Iterator["Node"]:  # noqa: F821
    """Yield another machine of `cluster`, which has worked before the block and is gone after it."""
    node = cluster.add_node(**SIZE)
    while node.node_id not in spread.spread(machine, range(6)):
        pass  # its first process is still starting
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node, allow_graceful=False)


def machine(_: int) -> str:
    """Return the id of the machine that runs this, after a moment, so that one alone does not run all."""
    import ray

    time.sleep(0.3)
    return ray.get_runtime_context().get_node_id()


def noted(folder: Path, function: Callable, batch: object) -> object:
    """Return function(batch), with a file in `folder`, named after the machine: .begun for a moment and until it is done."""
    import ray

    note = folder / f"{ray.get_runtime_context().get_node_id()}.{uuid4().hex}.begun"
    note.touch()
    time.sleep(0.3)
    result = function(batch)
    note.rename(note.with_suffix(".done"))
    return result


def losing(cluster: "Cluster", node: "Node", notes: Path) -> Callable:  # noqa: F821
    """Return `spread.spread`, but that `node` is killed when the first result is there and `node` is at a batch.

    What is .begun in the folder `notes` at the end was lost. Raises TimeoutError where it begins none in five minutes.
    """
    whole = spread.spread

    def spread_and_kill(function: Callable, batches: list) -> Iterator:
        results = whole(partial(noted, notes, function), batches)
        yield next(results)
        start = time.monotonic()
        while not list(notes.glob(f"{node.node_id}.*.begun")):
            if time.monotonic() > start + 300:
                raise TimeoutError("the second machine has nothing to do")
            time.sleep(0.01)
        cluster.remove_node(node, allow_graceful=False)
        yield from results

    return spread_and_kill
