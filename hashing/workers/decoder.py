"""Decoding for a web process, in other processes: whatever is in a file, it takes limited time and memory."""

from __future__ import annotations

import atexit
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Timer
from time import monotonic
from typing import Any, NamedTuple, TypeVar, cast

from hashing.fingerprint.limits import DecodingLimit, DecodingLimits

T = TypeVar("T")

# More would let one client use all cores.
MAX_PROCESSES = 2
SECONDS_TO_START = 60
# A file that had this share of its time has had enough to blame it.
FULL_TIME = 0.9
COMMAND = "from hashing.workers.decoding_process import serve; serve()"
# An image needs no threads, and each one would take memory.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Request(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    limits: DecodingLimits


class Answer(NamedTuple):
    result: Any = None
    error: Exception | None = None


class DecoderBusy(DecodingLimit):
    """Other files took the time that this one might need. It was not decoded, or not to its end."""


class DecodingTimeout(Exception):
    """The process was ended at the deadline."""


@dataclass
class RequestTime:
    """Seconds that a request has waited for its files to be decoded."""

    used: float = 0.0


# None outside of requests.
request_time: ContextVar[RequestTime | None] = ContextVar("request_time", default=None)


def begin_request(**_kwargs: Any) -> None:
    """Receiver of `request_started`."""
    request_time.set(RequestTime())


def end_request(**_kwargs: Any) -> None:
    """Receiver of `request_finished`."""
    request_time.set(None)


class DecodingProcess:
    """Runs functions in another process, one at a time."""

    def __init__(self) -> None:
        # Not `multiprocessing`, which refuses to work in the processes of Celery. Unbuffered, so that a fork of this
        # process does not send a request again.
        path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
        self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from a user
            [python_executable(), "-c", COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
            # Ctrl-C is for the web process, which then ends this one.
            start_new_session=True,
        )
        self._requests = cast("io.FileIO", self._process.stdin)
        self._answers = io.BufferedReader(cast("io.FileIO", self._process.stdout))
        self._wait_for_answer(SECONDS_TO_START)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def run(self, request: Request, seconds: float) -> Answer:
        """Raise `DecodingTimeout` if the process had to be ended after `seconds`, and `DecodingLimit` if it died."""
        content = memoryview(pickle.dumps(request))
        return self._wait_for_answer(seconds, content)

    def _wait_for_answer(self, seconds: float, content: memoryview | bytes = b"") -> Answer:
        is_late = Event()

        def kill() -> None:
            is_late.set()
            self._process.kill()

        deadline = Timer(seconds, kill)
        deadline.start()
        try:
            while content:
                content = content[self._requests.write(content) :]
            answer: Answer = pickle.load(self._answers)  # noqa: S301 - the code at the other end is our own
        # The process was ended, or died, perhaps while it wrote.
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self.end()
            if is_late.is_set():
                raise DecodingTimeout from error
            raise DecodingLimit("its decoder died") from error
        # An exception of the caller, such as Ctrl-C: nothing will read the answer any more.
        except BaseException:
            self.end()
            raise
        finally:
            deadline.cancel()
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def forget(self) -> None:
        """Close the pipes of a process that belongs to another one, and is not to be waited for."""
        self._process.returncode = 0
        self._close()

    def _close(self) -> None:
        self._requests.close()
        self._answers.close()


class Decoder:
    """Starts up to `MAX_PROCESSES` when they are needed, and keeps them."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = Lock()
        self._idle: list[DecodingProcess] = []
        self._slots = BoundedSemaphore(MAX_PROCESSES)

    def run(self, limits: DecodingLimits, function: Callable[..., T], *arguments: Any) -> T:
        """Return or raise what the function does, in another process.

        Raise `DecodingLimit` when that takes more time or memory than allowed, when the process dies, or when none is
        free in this time, which may be for all files of a request together.
        """
        spent = (request_time.get() if limits.seconds_of_request else None) or RequestTime()
        if spent.used:
            busy = DecoderBusy(f"the images of this request need more than {limits.seconds:g} seconds")
        else:
            busy = DecoderBusy("too many images are being decoded at the moment")
        began = monotonic()
        try:
            result: T = self._run_within(limits.seconds - spent.used, busy, Request(function, arguments, limits))
        finally:
            spent.used += monotonic() - began
        return result

    def _run_within(self, seconds: float, busy: DecoderBusy, request: Request) -> Any:
        deadline = monotonic() + seconds
        if seconds <= 0 or not self._slots.acquire(timeout=seconds):
            raise busy
        try:
            seconds_left = max(0, deadline - monotonic())
            process = self._take()
            answer = process.run(request, seconds_left)
            with self._lock:
                self._idle.append(process)
        except DecodingTimeout as timeout:
            if seconds_left < request.limits.seconds * FULL_TIME:
                raise busy from timeout
            raise DecodingLimit(f"needs more than {request.limits.seconds:g} seconds") from timeout
        finally:
            self._slots.release()
        if answer.error is not None:
            raise answer.error
        return answer.result

    def _take(self) -> DecodingProcess:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return DecodingProcess()
            if process.is_running:
                return process
            process.end()

    def end(self) -> None:
        """End the processes that have no work."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def forget(self) -> None:
        """Leave the processes to the process that this one was forked from."""
        inherited = self._idle
        self._reset()
        for process in inherited:
            process.forget()


def python_executable() -> str:
    """Return the interpreter, also in a server that embeds Python and calls itself `sys.executable`."""
    if Path(sys.executable or "").name.startswith("python"):
        return sys.executable
    return str(Path(sys.exec_prefix) / "bin" / f"python{sys.version_info.major}")


decoder = Decoder()
atexit.register(decoder.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=decoder.forget)
