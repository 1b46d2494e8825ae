"""Why a file is no document."""

from parts.project.errors import UserError
from schemas.rejected import REASONS


class Unreadable(UserError):
    """A file that is no document, for one of REASONS. Its message says what is wrong with the file, and what to do."""

    def __init__(self, reason: str, message: str):
        if reason not in REASONS:
            raise ValueError(f"{reason} is not one of {', '.join(REASONS)}")
        super().__init__(message)
        self.reason = reason

    def __reduce__(self):  # it crosses from one process to another
        return type(self), (self.reason, str(self))
