"""Records in files: CSV for spreadsheets, and JSON Lines, one JSON object in each line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO

# A spreadsheet takes a cell that begins with one of the first for a formula. The apostrophe makes it text.
MARK = "'"
FORMULA_STARTS = tuple("=+-@\t\r\n" + MARK)


class FileFormat(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"


ENDINGS = {".csv": FileFormat.CSV, ".jsonl": FileFormat.JSON_LINES, ".ndjson": FileFormat.JSON_LINES}


class InvalidRecord(Exception):
    """A line that is no record of its format."""


class Record(NamedTuple):
    """The values of a record by their columns, and the number of the line in which it ends."""

    line: int
    values: dict[str, Any]


class Writes(Protocol):
    """A file, or the stdout of a command."""

    def write(self, text: str, /) -> object: ...


def format_of(name: str, default: FileFormat | None = None) -> FileFormat:
    """Return the format that the ending of a file says. Raise `ValueError` if it says none and there is no default."""
    found = ENDINGS.get(Path(name).suffix.lower(), default)
    if found is None:
        raise ValueError(f"{name!r} does not say its format. Name it with --format.")
    return found


class RecordWriter:
    """Writes records with the same columns. In CSV, these are the first line."""

    def __init__(self, file: Writes, file_format: FileFormat, columns: Sequence[str]) -> None:
        self._file, self._columns = file, columns
        self._csv = csv.writer(file) if file_format == FileFormat.CSV else None
        if self._csv:
            self._csv.writerow(columns)

    def write(self, values: Mapping[str, Any]) -> None:
        chosen = {name: values[name] for name in self._columns}
        if self._csv:
            self._csv.writerow([to_cell(value) for value in chosen.values()])
        else:
            self._file.write(json.dumps(chosen, default=as_text) + "\n")


def to_cell(value: object) -> object:
    """Return a value as text that no spreadsheet calculates. `of_cell` is its inverse."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    text = as_text(value)
    return MARK + text if text.startswith(FORMULA_STARTS) else text


def as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def of_cell(text: str) -> str | None:
    """Return the text that `to_cell` was given; None for an empty cell."""
    if not text:
        return None
    return text.removeprefix(MARK)


def read_records(file: TextIO, file_format: FileFormat) -> Iterator[Record]:
    """Yield the records of a file; in CSV with all values as text, as they stand in the cells.

    Raise `InvalidRecord`. The file is open with `newline=""`.
    """
    if file_format == FileFormat.CSV:
        yield from read_csv(file)
    else:
        yield from read_json_lines(file)


def read_csv(file: TextIO) -> Iterator[Record]:
    rows = csv.reader(file, strict=True)
    try:
        columns = next(rows, [])
        if not columns:
            raise InvalidRecord("The file is empty, or its first line: it does not name the columns.")
        for cells in rows:
            if not cells:
                continue
            if len(cells) != len(columns):
                raise InvalidRecord(f"Line {rows.line_num} has {len(cells)} cells, the first line {len(columns)}.")
            yield Record(rows.line_num, dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise InvalidRecord(f"Line {rows.line_num}: {error}.") from error


def read_json_lines(file: TextIO) -> Iterator[Record]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise InvalidRecord(f"Line {number}: {error}.") from error
        if not isinstance(values, dict):
            raise InvalidRecord(f"Line {number} is no JSON object.")
        yield Record(number, values)
