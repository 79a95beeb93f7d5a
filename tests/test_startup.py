from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("numpy", "PIL", "imagekit", "threadpoolctl")
PRINT_LOADED = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"


def loaded_after(statements: str) -> str:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "imagesearch.settings"}
    script = f"{statements}\n{PRINT_LOADED}"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    "statements",
    [
        "import django; django.setup()",
        "import django; django.setup(); import hashing.models, hashing.admin, hashing.backfill, hashing.grouping",
        "import hashing.perceptual_hash as p; p.are_images_similar('0' * 16, 'f' * 16)",
    ],
)
def test_nothing_that_decodes_or_computes_is_loaded_before_it_is_needed(statements: str):
    assert loaded_after(statements) == "[]"


def test_commands_start_without_numpy():
    statements = "import django; django.setup()\nfrom django.core.management import call_command\ncall_command('check')"
    assert "numpy" not in loaded_after(statements)


def test_without_the_package_no_metrics_are_loaded():
    statements = "import sys; sys.modules['prometheus_client'] = None; import django; django.setup()"
    loaded_after(f"{statements}; assert 'hashing.observability.metrics' not in sys.modules")


def test_the_process_that_workers_are_forked_from_has_loaded_all_they_need():
    # It becomes the head of a process group, as the fork server does.
    statements = "import hashing.workers.fork_server; from PIL import Image; assert Image.OPEN"
    assert "numpy" in loaded_after(statements)
