"""A site in a folder, for tests of whole commands with real processes, databases and signals."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg

from samples.pictures import photo

CHECKOUT = Path(__file__).parent.parent
ADD_ROWS = "INSERT INTO hashing_imageasset (image, hash_error, created_at) VALUES ({0}, '', {0})"


@contextmanager
def site_database(folder: Path, template: str = "") -> Iterator[str]:
    """Create a database of the kind that the tests run on, empty or as a copy of `template`, and yield its URL."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        path = folder / "site.sqlite3"
        if template:
            shutil.copyfile(template.removeprefix("sqlite:///"), path)
        yield f"sqlite:///{path}"
        return
    name = f"site_{uuid.uuid4().hex}"
    copied = f" TEMPLATE {database_name(template)}" if template else ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{copied}")
    yield server.replace("/postgres?", f"/{name}?")
    # A new connection, because the server may have been restarted.
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def migrate_database(url: str) -> None:
    """Create the tables of a site and of all task queues."""
    environment = {**os.environ, "DATABASE_URL": url, "TASK_QUEUE": "database"}
    command = [sys.executable, str(CHECKOUT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment, check=True)
    if url.startswith("sqlite"):
        # Only the main file is copied, so it must hold everything.
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def database_name(url: str) -> str:
    name: str = re.findall(r"site_[0-9a-f]+", url)[-1]
    return name


@dataclass
class Site:
    folder: Path
    url: str
    environment: dict[str, str]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @classmethod
    def create_in(cls, folder: Path, url: str, **settings: str) -> Self:
        environment = {
            **os.environ,
            **settings,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "servers.trap_settings",
            "MEDIA_ROOT": str(folder / "media"),
            "PYTHONUNBUFFERED": "1",
        }
        (folder / "media").mkdir()
        return cls(folder, url, environment)

    @property
    def media(self) -> Path:
        return self.folder / "media"

    def start(
        self,
        *arguments: str,
        cwd: Path = CHECKOUT,
        output: Any = subprocess.PIPE,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "manage.py"), *arguments],
            cwd=cwd,
            env={**self.environment, **(environment or {})},
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def end_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, environment=environment)
        out, err = process.communicate(timeout=90)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def add_photos(self, count: int, prefix: str = "") -> None:
        """Add rows with a different photograph each."""
        names = [f"{prefix}{number:04}.png" for number in range(count)]
        for number, name in enumerate(names):
            photo(seed=number, size=(96, 72)).save(self.media / name)
        self.add_rows(*names)

    def add_rows(self, *names: str) -> None:
        with closing(self.connect()) as connection:
            mark = "?" if self.url.startswith("sqlite") else "%s"
            connection.cursor().executemany(ADD_ROWS.format(mark), [(name, "2026-01-01 00:00+00") for name in names])
            connection.commit()

    def rows(
        self,
        columns: str = "image, perceptual_hash, hash_error",
        *,
        table: str = "hashing_imageasset",
        order: str = "ORDER BY id",
    ) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as connection:
            found: list[tuple[Any, ...]] = (
                connection.cursor().execute(f"SELECT {columns} FROM {table} {order}").fetchall()
            )
            return found

    @contextmanager
    def database_unavailable(self) -> Iterator[None]:
        """Make PostgreSQL close all connections and refuse new ones during the block."""
        name = database_name(self.url)
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def set_for_sessions(self, name: str, value: str) -> None:
        """Set a parameter of PostgreSQL for all new sessions."""
        with closing(self.connect()) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {name} = '{value}'")
            connection.commit()

    def connect(self) -> Any:
        if self.url.startswith("sqlite"):
            return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30)
        return psycopg.connect(self.url)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Raise `AssertionError` if the condition does not hold within this time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)
