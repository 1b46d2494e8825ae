"""What becomes of a model that does not fit into the memory of its device: a smaller batch, or a line that says what to do."""

import contextlib
from collections.abc import Iterator

from parts.project.errors import UserError

FULL = "the memory of the device is full"


def is_full(error: RuntimeError) -> bool:
    """Tell whether `error` is PyTorch's for a device without memory left."""
    from accelerate.utils.memory import should_reduce_batch_size

    return should_reduce_batch_size(error)


@contextlib.contextmanager
def full_memory_told(advice: str) -> Iterator[None]:
    """Raise UserError with `advice` where the memory of the device is full."""
    try:
        yield
    except RuntimeError as error:
        if not is_full(error):
            raise
        raise UserError(f"{FULL}: {advice}") from error
