"""Work on a job until it is done: `python -m tests.faults.run_job NAME`."""

from __future__ import annotations

import sys

import django

if __name__ == "__main__":
    django.setup()
    from tests.faults import jobs

    getattr(jobs, sys.argv[1])()
