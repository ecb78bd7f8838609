"""The one exception that crosses packages."""


class NotReadyError(Exception):
    """The world is not ready (not root, a port taken, a file missing). Its text is one sentence that says what to
    do; the command prints it and ends with status 2, having left nothing behind."""
