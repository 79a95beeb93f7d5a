"""Text from file names and decoders, made fit for a terminal, a log line and a database."""

from __future__ import annotations


def first_line(error: Exception) -> str:
    """What an exception says; databases add lines with the statement and the values of the row."""
    return printable(str(error).strip().partition("\n")[0])


def printable(text: str) -> str:
    """Line breaks, control characters and what is no valid Unicode, as escapes: one line, whatever came in."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
