"""What a person can put right."""


class UserError(Exception):
    """Something a person can put right. The message is one line and says how."""
