from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from samples.demo_login import make_login
from tests.site import CHECKOUT


@pytest.mark.django_db
def test_login_works_and_every_start_makes_a_new_password():
    first, second = make_login(), make_login()
    assert first != second
    assert authenticate(username="demo", password=second).is_superuser
    assert authenticate(username="demo", password=first) is None
    assert User.objects.count() == 1


def test_refuses_outside_the_demo(tmp_path):
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", "DEBUG": "0"}
    command = [sys.executable, "-m", "samples.demo_login"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DEBUG is off" in done.stderr
