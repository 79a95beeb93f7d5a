"""What the worst files of at most 10 MB cost a site: time, memory of its processes, and other requests meanwhile.

`python -m servers.postgresql python -m benchmarks.attacks`, on Linux. It starts the site, uploads each file in the
admin, searches by it, recomputes its hash and reads its preview, and then does so with all files at once.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import psutil

from benchmarks.report import print_table, print_versions
from benchmarks.scratch_site import scratch_site
from hashing.fingerprint.opening import known_formats
from samples.hostile_files import (
    baseline_jpeg,
    bmp_of_runs,
    flat,
    gif_of_extensions,
    jpeg_of_segments,
    plain_ppm,
    png,
    ppm_of_254_levels,
    progressive_jpeg,
    tiff_of_strips,
)
from samples.pictures import encoded, photo, random_pixels

ATTACKS: dict[str, Callable[[], bytes]] = {
    "an ordinary photograph.jpg": lambda: encoded(photo(size=(4000, 3000)), "JPEG"),
    "13,300 x 13,300 pixels.png": lambda: png(13300, 13300),
    "6,600 x 6,600 pixels.png": lambda: png(6600, 6600, mode="RGB"),
    "10,000,000 rows.png": lambda: png(1, 10_000_000, mode="L"),
    "9,000,000 columns.png": lambda: png(9_000_000, 1, mode="L"),
    "99,990 chunks.png": lambda: png(100, 100, chunks=99_990),
    "980 scans.jpg": lambda: progressive_jpeg(1230, 980),
    "106 MP in 10 scans.jpg": lambda: progressive_jpeg(10300, 8),
    "64,000 x 3,900 pixels.jpg": lambda: baseline_jpeg(64000, 3900),
    "2,400,000 comments.jpg": lambda: jpeg_of_segments(2_400_000),
    "3,300,000 comments.gif": lambda: gif_of_extensions(3_300_000),
    "8,000 x 7,900 pixels.gif": lambda: flat("GIF", 7900),
    "3,900 x 3,900 pixels.webp": lambda: flat("WEBP", 3900, lossless=True),
    "4,600 x 4,600 pixels.avif": lambda: flat("AVIF", 4600),
    "4,600 x 4,600 pixels.heic": lambda: flat("HEIF", 4600),
    "1,200,000 strips.tif": lambda: tiff_of_strips(19, 1_200_000),
    "4,900,000 runs.bmp": lambda: bmp_of_runs(2200, 2200),
    "noise.jp2": lambda: encoded(random_pixels(size=(1740, 1740)), "JPEG2000"),
    "254 grey levels.ppm": lambda: ppm_of_254_levels(1800, 1800),
    "numbers in text.ppm": lambda: plain_ppm(330_000),
}
FORMATS = {".avif": "AVIF", ".heic": "HEIF", ".jp2": "JPEG2000", ".webp": "WEBP"}
HEADS = ["file", "MB", "upload", "search", "recompute", "preview", "web, MB more", "decoder, MB", "other, s"]
BOUNDARY = "-----of-the-form"
TOKEN = "a" * 32
QUIET = subprocess.DEVNULL


class Page(NamedTuple):
    seconds: float
    status: int
    location: str


class Server:
    """The site on a port of its own, and a session of its superuser."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"]
        # As behind a proxy: without DEBUG, the site redirects to https.
        environment = {"DEBUG": "", "ALLOWED_HOSTS": "127.0.0.1", "BEHIND_PROXY": "1", "DATABASE_URL": database_url()}
        folder = Path(__file__).parent.parent
        self.process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=QUIET, stderr=QUIET)
        self.session = log_in()

    def wait(self) -> None:
        while True:
            with suppress(OSError):
                self.get("/admin/login/")
                return
            time.sleep(0.1)

    def get(self, path: str) -> Page:
        return self._request("GET", path, b"", "")

    def post(self, path: str, name: str = "", content: bytes = b"") -> Page:
        body = b""
        if name:
            # The form would ask about a file that is here.
            chosen = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="keep_both"\r\n\r\n'
            chosen += f"{hashlib.sha256(content).hexdigest()}\r\n"
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
            body = chosen.encode() + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self._request("POST", path, body, f"multipart/form-data; boundary={BOUNDARY}")

    def _request(self, method: str, path: str, body: bytes, content_type: str) -> Page:
        headers = {
            "Content-Type": content_type,
            "Cookie": f"sessionid={self.session}; csrftoken={TOKEN}",
            "Referer": f"https://127.0.0.1:{self.port}/",
            "X-CSRFToken": TOKEN,
            "X-Forwarded-Proto": "https",
        }
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        return Page(time.perf_counter() - began, response.status, response.headers.get("Location", ""))

    def end(self) -> None:
        process = psutil.Process(self.process.pid)
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait()


def database_url() -> str:
    """Return the address of the database of this process, which on PostgreSQL is not that of the setting."""
    from django.db import connection

    url = os.environ["DATABASE_URL"]
    if connection.vendor == "sqlite":
        return url
    return urlsplit(url)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def log_in() -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    user = User.objects.create_superuser("attacker")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


class Watch:
    """Memory of the server and of its decoding processes, and how long another request takes, during a block."""

    def __init__(self, server: Server) -> None:
        self._server, self._process = server, psutil.Process(server.process.pid)
        self._is_over = threading.Event()
        self.web = self.decoder = self.other = 0.0

    def __enter__(self) -> Self:
        reset_peak(self._process.pid)
        self._before = status_of(self._process.pid, "VmRSS")
        for child in self._process.children(recursive=True):
            reset_peak(child.pid)
        self._threads = [threading.Thread(target=look) for look in (self._watch_memory, self._read_other_page)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self.web = status_of(self._process.pid, "VmHWM") - self._before

    def _watch_memory(self) -> None:
        while not self._is_over.wait(0.02):
            for child in self._process.children(recursive=True):
                with suppress(OSError, StopIteration):
                    self.decoder = max(self.decoder, status_of(child.pid, "VmHWM"))

    def _read_other_page(self) -> None:
        while not self._is_over.wait(0.05):
            self.other = max(self.other, self._server.get("/admin/").seconds)


def reset_peak(pid: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def status_of(pid: int, name: str) -> float:
    """Return an amount of memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def attack(server: Server, name: str, content: bytes) -> list[Page]:
    """Send a file to every page that takes one, and read what it shows of it."""
    from django.db import connections
    from django.urls import reverse

    from hashing.models import ImageAsset

    def address(page: str, *arguments: object) -> str:
        return reverse(f"admin:hashing_imageasset_{page}", args=arguments)

    upload = server.post(address("add"), name, content)
    search = server.post(address("search_by_image"), name, content)
    if upload.status != 302 or "login" in upload.location or search.status not in {200, 302}:
        raise SystemExit(f"{name}: upload {upload}, search {search}")
    try:
        pk = ImageAsset.objects.filter(image__contains=Path(name).stem).latest("pk").pk
    finally:
        connections.close_all()
    recompute, preview = server.post(address("recompute", pk)), server.get(address("preview", pk, 640))
    if (recompute.status, preview.status) != (302, 200):
        raise SystemExit(f"{name}: recompute {recompute}, preview {preview}")
    return [upload, search, recompute, preview]


def made_files() -> Iterator[tuple[str, bytes]]:
    for title, make in ATTACKS.items():
        # Old versions of Pillow have no AVIF, and HEIF comes with a plugin.
        if FORMATS.get(Path(title).suffix, "PNG") in known_formats():
            yield title, make()


def file_name(title: str) -> str:
    """Return a name that a storage does not change."""
    return title.replace(",", "").replace(" ", "-")


def measure(server: Server, title: str, files: list[tuple[str, bytes]], clients: int = 1) -> list[object]:
    """Return a row of the table, with the slowest answer of each page."""
    with Watch(server) as watch, ThreadPoolExecutor(clients) as threads:
        answers = list(threads.map(lambda file: attack(server, file_name(file[0]), file[1]), files))
    seconds = [max(page.seconds for page in pages) for pages in zip(*answers, strict=True)]
    size = sum(len(content) for _, content in files) / 1e6
    memory = [f"{max(0, figure):.0f}" for figure in (watch.web, watch.decoder)]
    return [title, f"{size:.2f}", *(f"{each:.2f}" for each in seconds), *memory, f"{watch.other:.2f}"]


@contextmanager
def started_server() -> Iterator[Server]:
    server = Server()
    try:
        server.wait()
        yield server
    finally:
        server.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8, help="attackers at once, in the last row")
    clients = parser.parse_args().clients
    # Sessions of this process are those of the server.
    os.environ["SECRET_KEY"] = secrets.token_hex()
    with scratch_site() as database, started_server() as server:
        files = list(made_files())
        # Whatever is loaded by the first request is no cost of an attack.
        attack(server, "warm-up.jpg", files[0][1])
        rows = [measure(server, title, [(title, content)]) for title, content in files]
        rows.append(measure(server, f"all of them, {clients} clients", files, clients))
        print_table(f"Seconds of the pages, and memory, {database}", HEADS, rows)
    print_versions("Django", "pillow", "numpy")


if __name__ == "__main__":
    main()
