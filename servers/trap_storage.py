"""A storage whose files crash, delay or confuse their readers, by what their names say."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from threading import Lock
from typing import Any

from django.core.files.storage import FileSystemStorage

SLOWLY = Lock()


class TrapStorage(FileSystemStorage):
    """A storage that is read through `open`, like one on another machine.

    A file `DOWN` in it makes the storage refuse connections. A file `READS` gets a line for each file that is read.
    """

    def _open(self, name: str, mode: str = "rb") -> Any:
        self._refuse_if_down()
        self._record_read(name)
        if "exits" in name:
            os._exit(3)
        if "crashes" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "killed-once" in name and not (Path(self.location) / "KILLED").exists():
            (Path(self.location) / "KILLED").touch()
            os.kill(os.getpid(), signal.SIGTERM)
        if "eats-memory" in name:
            _exhaust_memory()
        if "hangs" in name:
            time.sleep(600)
        if "slow" in name:
            # One file at a time, however many threads of a worker read.
            with SLOWLY:
                time.sleep(0.1)
        if "flaky" in name:
            raise ConnectionResetError("connection reset by peer")
        return super()._open(name, mode)  # type: ignore[misc] # django-stubs leaves the hooks of a storage out

    def _save(self, name: str, content: Any) -> str:
        if "slow" in name:
            time.sleep(0.3)
        saved: str = super()._save(name, content)  # type: ignore[misc]
        return saved

    def exists(self, name: str) -> bool:
        self._refuse_if_down()
        return super().exists(name)

    def _record_read(self, name: str) -> None:
        reads = Path(self.location) / "READS"
        if reads.exists():
            # A single write of a line is appended whole, whatever other processes write.
            with reads.open("ab", buffering=0) as file:
                file.write(f"{name}\n".encode())

    def _refuse_if_down(self) -> None:
        if (Path(self.location) / "DOWN").exists():
            raise ConnectionRefusedError("connection refused")


def _exhaust_memory() -> None:
    """Allocate more memory than the process may have."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, before[1]))
    try:
        bytearray(16 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
