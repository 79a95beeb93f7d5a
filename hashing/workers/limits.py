"""What a file may weigh."""

from __future__ import annotations

# Far above any photograph, and what one worker can hold: a file is read whole.
DEFAULT_MAX_BYTES = 512 << 20


class FileTooLarge(Exception):
    """The file has more bytes than are allowed, and was not read to its end."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"{size} bytes, more than MAX_BYTES ({max_bytes})")


def refuse_too_large(size: int, max_bytes: int) -> None:
    """Raises `FileTooLarge`."""
    if size > max_bytes:
        raise FileTooLarge(size, max_bytes)
