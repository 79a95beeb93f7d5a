"""A temporary PgBouncer in transaction mode, in front of a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from servers.postgresql import unprivileged_user

# Part of the name of the socket. Nothing listens on the network.
PORT = 6543
SECONDS_TO_START = 10.0
# Each transaction gets the connection that was idle longest, so that no client keeps its session by chance.
CONFIGURATION = """\
[databases]
* = {server}
[pgbouncer]
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 2
server_round_robin = 1
"""


def find_pgbouncer() -> str | None:
    """Return the path of the program, which Debian installs outside the PATH of ordinary users."""
    return shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """Start a PgBouncer for the block, and yield the URL of this database through it."""
    program = find_pgbouncer()
    if program is None:
        raise RuntimeError("No PgBouncer is installed.")
    server = conninfo_to_dict(url)
    name = server.pop("dbname")
    folder = Path(tempfile.mkdtemp(prefix="imagesearch-pgbouncer-"))
    try:
        configuration = folder / "pgbouncer.ini"
        line = " ".join(f"{key}={value}" for key, value in server.items())
        configuration.write_text(CONFIGURATION.format(server=line, port=PORT, folder=folder))
        # Like PostgreSQL, it refuses to run as root.
        user = unprivileged_user()
        if user:
            shutil.chown(folder, user)
            shutil.chown(configuration, user)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, configuration], user=user, cwd="/", stdout=log, stderr=subprocess.STDOUT
            )
        try:
            pooled = f"postgres://postgres@/{name}?host={folder}&port={PORT}"
            wait_for(pooled, process, folder / "log")
            open_both_connections(pooled)
            yield pooled
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PgBouncer does not answer:\n{log.read_text()}") from error
            time.sleep(0.05)
        else:
            return


def open_both_connections(url: str) -> None:
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        for client in (one, other):
            client.execute("SELECT 1")
