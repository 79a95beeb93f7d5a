from __future__ import annotations

import io
import sys

import pytest

from hashing.management.output import ResilientStream
from tests.management.broken_output import closed_pipe, full_disk


@pytest.mark.parametrize(("encoding", "text"), [("ascii", "\\u5199\\xe9"), ("cp1252", "\\u5199é"), ("utf-8", "写é")])
def test_what_an_encoding_lacks_is_escaped(encoding, text):
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding=encoding) as stream:
        ResilientStream(stream).write("写é")
        stream.flush()
        assert content.getvalue().decode(encoding) == text


def test_half_a_character_is_escaped():
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding="utf-8") as stream:
        ResilientStream(stream).write("\udcff")
        stream.flush()
        assert content.getvalue() == b"\\udcff"


def test_closed_pipe_is_noted_and_never_raised():
    with closed_pipe() as pipe:
        stream = ResilientStream(pipe)
        stream.write("lost")
        stream.flush()
        stream.write("lost too")
        assert stream.is_closed_pipe


def test_full_disk_is_noted_and_is_no_closed_pipe():
    with full_disk() as full:
        stream = ResilientStream(full)
        stream.write("lost")
        stream.flush()
        assert stream.error.strerror == "No space left on device"
        assert not stream.is_closed_pipe


def test_abandoned_stream_loses_what_is_in_its_buffer_quietly():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        stream = ResilientStream(full)
        stream.write("lost")
        stream.flush()
        stream.abandon()


def test_closed_stream_is_noted():
    closed = io.StringIO()
    closed.close()
    stream = ResilientStream(closed)
    stream.write("lost")
    assert stream.error is not None


def test_process_without_a_stream_writes_nowhere():
    stream = ResilientStream(None)
    stream.write("lost")
    stream.flush()
    stream.abandon()
    assert stream.error is None
    assert not stream.isatty()


def test_other_attributes_are_those_of_the_stream():
    assert ResilientStream(sys.__stdout__).fileno() == sys.__stdout__.fileno()
