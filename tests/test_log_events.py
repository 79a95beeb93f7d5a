"""Log records have the events and fields that docs/operations.md lists."""

from __future__ import annotations

import ast
import json
import logging
from collections import defaultdict

import pytest

from hashing.backfill import backfill_perceptual_hashes
from hashing.log_events import LogEvent, error_kind
from servers.site import CHECKOUT
from tests.test_reference import code, rows

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def names_of_events(tree: ast.AST) -> set[str]:
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "LogEvent"}


def fields_of_records(tree: ast.AST) -> set[str]:
    """Return the names of the fields that a function gives to `log_event`."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    keywords = [keyword for call in calls if call.func.id == "log_event" for keyword in call.keywords]
    assert all(keyword.arg for keyword in keywords), "write the fields out"
    return {keyword.arg for keyword in keywords} - {"exc_info"}


def events_in_the_code() -> dict[str, tuple[set[str], set[str]]]:
    """Return the loggers and the fields of each event, by the name of its member."""
    loggers, fields = defaultdict(set), defaultdict(set)
    for path in (CHECKOUT / "hashing").rglob("*.py"):
        module = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text())):
            # Those that call others have no events of their own.
            if isinstance(function, FUNCTIONS) and not any(isinstance(each, FUNCTIONS) for each in function.body):
                for event in names_of_events(function):
                    loggers[event].add(module)
                    fields[event] |= fields_of_records(function)
    return {event: (loggers[event], fields[event]) for event in loggers}


def test_the_table_lists_the_events_of_the_code():
    found = events_in_the_code()
    documented = {}
    for event, level, fields, loggers, _meaning in rows("operations.md", "event"):
        [name] = code(event)
        documented[name] = (level, set(code(fields)), {f"hashing.{each.strip('` ')}" for each in loggers.split(",")})
    assert documented == {
        event.label: (logging.getLevelName(event.level), found[event.name][1], found[event.name][0])
        for event in LogEvent
    }


def test_no_field_is_an_attribute_that_every_record_has():
    record = logging.LogRecord("", 0, "", 0, "", (), None)
    for _loggers, fields in events_in_the_code().values():
        assert fields.isdisjoint(vars(record))


@pytest.mark.django_db
def test_a_run_is_told_in_records_that_can_be_written_as_json(add_image, caplog):
    gone, _here = add_image("gone\n.jpg", content=None), add_image("here.jpg")
    with caplog.at_level(logging.INFO, "hashing"):
        backfill_perceptual_hashes(workers=1)
    records = {record.event: record for record in caplog.records if hasattr(record, "event")}
    assert list(records) == ["backfill_started", "image_failed", "batch_counted", "backfill_ended"]
    assert (records["image_failed"].asset, records["image_failed"].error_kind) == (gone.pk, "FileNotFoundError")
    ended = records["backfill_ended"]
    assert (ended.total, ended.processed, ended.failed, ended.status) == (2, 1, 1, "completed")
    assert ended.run == records["backfill_started"].run
    assert ended.module == "heartbeat"
    values = [{name: value for name, value in vars(record).items() if name != "args"} for record in records.values()]
    assert "gone\\\\n.jpg" in json.dumps(values)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("a: b"), "ValueError"),
        ("ValueError: secret.jpg is broken", "ValueError"),
        ("secret name.jpg: broken", "Error"),
        ("", "Error"),
    ],
)
def test_the_kind_of_an_error_is_the_name_of_its_class(error, kind):
    assert error_kind(error) == kind
