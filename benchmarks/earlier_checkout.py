"""Searches in the checkout of an earlier commit, measured in turn with those of this one.

A process of its own runs the code of the checkout on a table of its own, with the same rows. It is asked over a pipe,
and measures by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DATABASE = "imagesearch_benchmarks_earlier"


class EarlierCheckout:
    """Its table is filled when this is made."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read()

    def search(self, key: int, **options: Any) -> tuple[float, int]:
        """Milliseconds and rows found of `similar_to()` with the options, for the asset with this key."""
        assert self._process.stdin is not None
        print(json.dumps([key, options]), file=self._process.stdin, flush=True)
        milliseconds, found = self._read()
        return milliseconds, found

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("The process of the earlier checkout has ended.")
        return json.loads(line)


@contextmanager
def earlier_checkout(checkout: Path, rows: int) -> Iterator[EarlierCheckout]:
    """Fill a table by the code of the checkout, and answer searches until the end of the block."""
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    if not environment.get("DATABASE_URL", "").startswith("postgres"):
        environment["DATABASE_URL"] = ""
    command = [sys.executable, "-P", str(Path(__file__).resolve()), str(rows)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=checkout, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield EarlierCheckout(process)
        process.stdin.close()


def _serve(rows: int) -> None:
    """Run in the checkout: one line of JSON for each question."""
    from benchmarks import scratch_site

    scratch_site.DATABASE = DATABASE
    with tempfile.TemporaryDirectory() as folder, scratch_site.scratch_site(Path(folder)):
        from benchmarks.many_rows import fill
        from hashing.models import ImageAsset

        fill(rows)
        print(json.dumps("filled"), flush=True)
        for line in sys.stdin:
            key, options = json.loads(line)
            asset = ImageAsset.objects.get(pk=key)
            began = time.perf_counter()
            found = list(ImageAsset.objects.similar_to(asset, **options))
            print(json.dumps([1000 * (time.perf_counter() - began), len(found)]), flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
