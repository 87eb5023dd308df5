"""What a failed call raises."""

from __future__ import annotations

import enum


class Status(enum.IntEnum):
    """Why a call failed; the numbers are the library's and never change their meaning."""

    OK = 0
    ERROR_ARGUMENT = 1
    ERROR_SIZE = 2
    ERROR_MEMORY = 3
    ERROR_MEMORY_LIMIT = 4
    ERROR_DATA = 5
    ERROR_GEOMETRY = 6
    ERROR_FORMAT = 7
    ERROR_IO = 8
    ERROR_UNSUPPORTED = 9
    ERROR_DEVICE = 10
    ERROR_CANCELLED = 11
    ERROR_INTERNAL = 12


class Error(RuntimeError):
    """A call failed. Its text is the library's sentence: which argument, its value, what would be right.

    ``status`` is a member of :class:`Status` (a plain int where a newer library returns a number unknown here).
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        try:
            self.status: int = Status(status)
        except ValueError:
            self.status = status

    def __reduce__(self) -> tuple[type[Error], tuple[int, str]]:
        return Error, (int(self.status), str(self))
