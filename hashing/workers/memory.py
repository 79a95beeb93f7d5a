"""The memory that a process may use for decoding. Enforced on Linux alone."""

from __future__ import annotations

from pathlib import Path

from hashing.fingerprint.limits import megabytes

STATUS = Path("/proc/self/status")


def used_memory() -> int:
    """Return the bytes of private memory of this process. Linux alone tells."""
    if not STATUS.exists():
        return 0
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) << 10


def limit_memory(allowed: int | None, used: int) -> None:
    """Let allocations fail beyond `allowed` bytes more than the process `used` at its start. None ends the limit."""
    if not STATUS.exists():
        return
    import resource  # not on Windows

    # Not the size of the address space: thread pools and libraries reserve much of it and use little.
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = resource.RLIM_INFINITY if allowed is None else used + allowed
    if hard != resource.RLIM_INFINITY:
        wanted = hard if allowed is None else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def out_of_memory(allowed: int | None) -> str:
    """Return what is wrong with an image for which `allowed` bytes were too few."""
    return f"needs more than {megabytes(allowed)} of memory" if allowed else "needs more memory than there is"
