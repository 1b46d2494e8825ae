"""The error of a user."""


class UserError(Exception):
    """An error that the user can correct. Its message is one line: what is wrong, where, and what to do."""
