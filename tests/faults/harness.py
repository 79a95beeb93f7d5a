"""A site under stress, with commands and editors as processes, and ways to kill them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from servers.site import CHECKOUT, Site

SECONDS_TO_FINISH = 120
SECONDS_OF_A_RUN = 2.0


class Library(Site):
    """A site with the product's settings, and with editors at work."""

    @property
    def media(self) -> Path:
        return Path(self.environment["MEDIA_ROOT"])

    @classmethod
    def create_in(cls, folder: Path, url: str, **settings: str) -> Self:
        made = super().create_in(folder, url, **settings)
        made.environment["DJANGO_SETTINGS_MODULE"] = "imagesearch.settings"
        return made

    def churn(self, seed: int, steps: int) -> subprocess.Popen[str]:
        """Start editors who upload, replace, delete and decide."""
        return self.start_module("tests.faults.churn", str(seed), str(steps))

    def start_module(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", *arguments]
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run_to_the_end(self, *arguments: str) -> None:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a process that was left alone, and return its output."""
    out, err = process.communicate(timeout=SECONDS_TO_FINISH)
    assert "Traceback" not in err, err
    return out + err


def kill_within(process: subprocess.Popen[str], seconds: float, dice: random.Random, number: int) -> str:
    """Send a signal to a command and all its workers at a random moment, and return its output."""
    time.sleep(dice.uniform(0, seconds))
    if process.poll() is None:
        os.killpg(process.pid, number)
    out, _ = process.communicate(timeout=SECONDS_TO_FINISH)
    return out


def kill_one_worker(command: int, dice: random.Random) -> None:
    """Kill one of the worker processes of a command, which are children of its fork server, if there is one yet."""
    # It may end in the meantime.
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        servers = psutil.Process(command).children()
        if workers := [worker for server in servers for worker in server.children()]:
            os.kill(dice.choice(workers).pid, signal.SIGKILL)
