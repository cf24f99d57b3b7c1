"""One error type, so that bad input always ends in one clear sentence and never in a traceback.

Exit codes follow the runtime's: 2 for "could not start", 1 for "ran, and the finding is negative".
"""

import sys

COULD_NOT_START = 2
NEGATIVE_FINDING = 1


class TrainerError(Exception):
    """What went wrong, where, what was expected and found, and what to do about it."""

    exit_code = COULD_NOT_START

    def __init__(self, message: str, remedy: str | None = None):
        super().__init__(message if remedy is None else f"{message}; {remedy}")


class FindingError(TrainerError):
    """The work was done and its result is negative: a refused gate, a data set with errors."""

    exit_code = NEGATIVE_FINDING


_silent = False


def silence(silent: bool) -> None:
    """Of several training processes one talks."""
    global _silent  # noqa: PLW0603 (one switch for one process)
    _silent = silent


def say(text: str) -> None:
    """Tell progress to the person; standard output is kept for data."""
    if not _silent:
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    say(f"warning: {text}")
