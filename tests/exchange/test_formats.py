from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from hashing.exchange.formats import (
    FileFormat,
    InvalidRecord,
    RecordWriter,
    format_of,
    of_cell,
    read_records,
    to_cell,
)

BOTH = list(FileFormat)
HOSTILE = [
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "'=x",
    "''x",
    "'x",
    "a,b",
    'a"b',
    "写",
]


def written(file_format: FileFormat, columns: tuple[str, ...], *records: dict[str, object]) -> str:
    file = io.StringIO(newline="")
    writer = RecordWriter(file, file_format, columns)
    for record in records:
        writer.write(record)
    return file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_cells_are_no_formulas_and_read_back_exactly(text):
    cell = to_cell(text)
    assert str(cell)[0] not in "=+-@\t\r\n"
    assert of_cell(str(cell)) == text


def test_values_become_cells():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert [to_cell(value) for value in (None, True, False, 7)] == ["", "true", "false", 7]
    assert to_cell(moment) == "2026-01-02T03:04:05.678901+00:00"
    assert of_cell("") is None


@pytest.mark.parametrize("file_format", BOTH)
@pytest.mark.parametrize("text", HOSTILE)
def test_text_survives_both_formats(file_format, text):
    content = written(file_format, ("pk", "name"), {"pk": 1, "name": text}, {"pk": 2, "name": None})
    first, second = read_records(io.StringIO(content, newline=""), file_format)
    read = of_cell(first.values["name"]) if file_format == FileFormat.CSV else first.values["name"]
    assert read == text
    assert not second.values["name"]


def test_csv_has_the_columns_first_and_json_lines_have_them_in_each():
    record = {"b": 2, "a": 1, "c": 3}
    assert list(csv.reader(io.StringIO(written(FileFormat.CSV, ("a", "b"), record)))) == [["a", "b"], ["1", "2"]]
    assert json.loads(written(FileFormat.JSON_LINES, ("a", "b"), record)) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x.csv", FileFormat.CSV), ("x.JSONL", FileFormat.JSON_LINES), ("/a.b/x.ndjson", FileFormat.JSON_LINES)],
)
def test_ending_says_the_format(name, expected):
    assert format_of(name) == expected


def test_other_endings_need_a_default():
    assert format_of("-", FileFormat.CSV) == FileFormat.CSV
    with pytest.raises(ValueError, match="Name it with --format"):
        format_of("x.txt")


@pytest.mark.parametrize(
    ("file_format", "content", "message"),
    [
        (FileFormat.CSV, "", "does not name the columns"),
        (FileFormat.CSV, "a,b\n1\n", "Line 2 has 1 cells, the first line 2"),
        (FileFormat.CSV, 'a,b\n1,"2', "Line 2"),
        (FileFormat.JSON_LINES, '{"a": 1}\n\n{"a":\n', "Line 3"),
        (FileFormat.JSON_LINES, "[1]\n", "Line 1 is no JSON object"),
    ],
)
def test_broken_lines_are_named(file_format, content, message):
    with pytest.raises(InvalidRecord, match=message):
        list(read_records(io.StringIO(content), file_format))


def test_empty_file_has_no_records():
    assert list(read_records(io.StringIO(""), FileFormat.JSON_LINES)) == []
