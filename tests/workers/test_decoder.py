from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hashing.fingerprint.limits import DecodingLimit, DecodingLimits
from hashing.workers.decoder import Decoder, DecoderBusy, begin_request, decoder, end_request, python_executable

PLENTY = DecodingLimits(seconds=20, max_memory=64 << 20)
SHORT = PLENTY._replace(seconds=0.5)


@pytest.fixture
def own_decoder() -> Iterator[Decoder]:
    """A decoder whose processes the test may end."""
    made = Decoder()
    yield made
    made.end()


def test_a_function_runs_in_another_process_which_stays():
    first = decoder.run(PLENTY, os.getpid)
    assert first != os.getpid()
    assert decoder.run(PLENTY, os.getpid) == first


def test_an_error_of_the_function_is_raised():
    with pytest.raises(FileNotFoundError) as raised:
        decoder.run(PLENTY, os.stat, "/no such file")
    assert raised.value.strerror == "No such file or directory"


def test_large_arguments_and_results_pass():
    assert decoder.run(PLENTY, bytes.upper, b"a" * 5_000_000) == b"A" * 5_000_000


def test_a_function_that_hangs_is_ended():
    started = time.monotonic()
    with pytest.raises(DecodingLimit, match=r"needs more than 0\.5 seconds"):
        decoder.run(SHORT, time.sleep, 60)
    assert time.monotonic() - started < 3
    assert decoder.run(PLENTY, os.getpid)


@pytest.mark.parametrize(
    ("function", "arguments"), [(os.abort, ()), (os.kill, (0, signal.SIGKILL)), (os._exit, (0,))], ids=str
)
def test_a_process_that_dies_is_replaced(function, arguments):
    with pytest.raises(DecodingLimit, match="its decoder died"):
        decoder.run(PLENTY, function, *arguments)
    assert decoder.run(PLENTY, os.getpid)


def test_a_process_that_died_while_it_had_no_work_is_replaced(own_decoder):
    before = own_decoder.run(PLENTY, os.getpid)
    os.kill(before, signal.SIGKILL)
    time.sleep(0.1)
    assert own_decoder.run(PLENTY, os.getpid) != before


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_memory_beyond_the_limit_is_refused_and_the_process_stays():
    before = decoder.run(PLENTY, os.getpid)
    with pytest.raises(DecodingLimit, match="needs more than 64 MB of memory"):
        decoder.run(PLENTY, bytearray, 80 << 20)
    assert decoder.run(PLENTY, bytearray, 1000) == bytearray(1000)
    assert len(decoder.run(PLENTY._replace(max_memory=200 << 20), bytearray, 80 << 20)) == 80 << 20
    assert decoder.run(PLENTY, os.getpid) == before


def test_other_files_are_decoded_meanwhile():
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(decoder.run, PLENTY, time.sleep, 1)
        for _ in range(3):
            decoder.run(PLENTY, os.getpid)
        assert not slow.done()


def test_a_caller_does_not_wait_longer_than_the_time_limit_for_a_process():
    with ThreadPoolExecutor(2) as threads:
        others = [threads.submit(decoder.run, PLENTY, time.sleep, 2) for _ in range(2)]
        time.sleep(0.5)
        with pytest.raises(DecoderBusy, match="at the moment"):
            decoder.run(SHORT, os.getpid)
        for other in others:
            other.result()
    assert decoder.run(SHORT, os.getpid)


def test_waiting_for_a_process_is_part_of_the_time_limit():
    started = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        others = [threads.submit(decoder.run, PLENTY, time.sleep, 1) for _ in range(2)]
        time.sleep(0.2)
        with pytest.raises(DecoderBusy, match="at the moment"):
            decoder.run(PLENTY._replace(seconds=1.5), time.sleep, 60)
        assert time.monotonic() - started < 3
        for other in others:
            other.result()


@pytest.fixture
def request_of_a_page() -> Iterator[None]:
    begin_request()
    yield
    end_request()


@pytest.mark.usefixtures("request_of_a_page")
def test_the_files_of_a_request_share_its_time():
    limits = PLENTY._replace(seconds=0.6, seconds_of_request=True)
    decoder.run(limits, time.sleep, 0.4)
    for function, argument in ((time.sleep, 60), (bytes, 1)):
        with pytest.raises(DecoderBusy, match=r"the images of this request need more than 0\.6 seconds"):
            decoder.run(limits, function, argument)
    assert decoder.run(limits._replace(seconds_of_request=False), os.getpid)
    begin_request()
    assert decoder.run(limits, os.getpid)


def test_outside_of_requests_each_file_has_its_own_time():
    limits = PLENTY._replace(seconds=0.6, seconds_of_request=True)
    for _ in range(2):
        decoder.run(limits, time.sleep, 0.4)


SCRIPT = """
import os, sys, time
from hashing.workers.decoder import decoder
from hashing.fingerprint.limits import DecodingLimits
limits = DecodingLimits()
pid = decoder.run(limits, os.getpid)
"""


def run_script(script: str) -> list[int]:
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT + script], capture_output=True, check=True)
    assert not done.stderr
    return [int(word) for word in done.stdout.split()]


def is_running(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("end", ["sys.exit()", "os._exit(0)"])
def test_the_process_ends_with_the_one_that_started_it(end):
    [pid] = run_script(f"print(pid, flush=True); {end}")
    assert not is_running(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a Windows process cannot fork")
def test_a_forked_process_has_decoding_processes_of_its_own():
    pid, of_child, again = run_script(
        "print(pid, flush=True)\n"
        "if os.fork() == 0:\n"
        "    print(decoder.run(limits, os.getpid), flush=True)\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "print(decoder.run(limits, os.getpid))\n"
    )
    assert pid == again != of_child


def test_a_server_that_embeds_python_is_not_taken_for_the_interpreter(monkeypatch):
    assert python_executable() == sys.executable
    monkeypatch.setattr(sys, "executable", "/usr/sbin/uwsgi")
    assert Path(python_executable()).name.startswith("python")
