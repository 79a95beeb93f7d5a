from __future__ import annotations

import subprocess
import sys

START = """
import multiprocessing, os, sys
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["hashing.workers.fork_server"])
lock = context.Lock()
{before}
worker = context.Process(target={target}, args=(lock,))
worker.start()
worker.join()
print(worker.exitcode)
# Skip the cleanup of the lock, which may be gone.
sys.stdout.flush()
os._exit(0)
"""
UNLINK = "from multiprocessing.synchronize import sem_unlink; sem_unlink(lock._semlock.name)"


def start_worker(target: str = "print", before: str = "") -> subprocess.CompletedProcess[str]:
    code = START.format(target=target, before=before)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)


def test_a_worker_of_a_pool_that_has_ended_prints_no_error():
    done = start_worker(before=UNLINK)
    # At exit, Python warns that the lock is missing.
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() != "0"


def test_other_errors_are_printed():
    assert "TypeError" in start_worker(target="len").stderr
