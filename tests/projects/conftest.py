"""The package as built and installed into a new environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from servers.site import CHECKOUT

# With the last of them, each process would compile all of Django.
OWN_VARIABLES = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
# The source in the README's example.
OWN_SOURCE = "blog.Photo.original"
SOURCES = f'"SOURCES": ["{OWN_SOURCE}"]'
BUILD = """
import sys
from flit_core import buildapi
print(buildapi.build_wheel(sys.argv[1]))
print(buildapi.build_sdist(sys.argv[1]))
"""


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a program outside this checkout, and return its output."""
    inherited = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    arguments = [str(part) for part in command]
    done = subprocess.run(
        arguments, cwd=cwd, env=inherited | variables, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """A wheel and a source distribution of this checkout."""
    folder = tmp_path_factory.mktemp("built")
    wheel, sdist = run(sys.executable, "-c", BUILD, folder, cwd=CHECKOUT).split()
    return folder / wheel, folder / sdist


@pytest.fixture(scope="session")
def python(built, tmp_path_factory) -> Path:
    """An environment with the wheel, Wagtail, and their dependencies only."""
    folder, linked = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("linked")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    link_dependencies(built[0], linked)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "linked.pth").write_text(f"{linked}\n")
    quietly = ("--quiet", "--no-compile", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *quietly, built[0], "wagtail", cwd=folder)
    return python


def link_dependencies(wheel: Path, folder: Path) -> None:
    """Link what the wheel requires to the packages of this environment, which pip need not install nor Python compile.

    They are outside of the new environment, so pip installs others beside them if it needs other versions.
    """
    links = dict[str, Path]()
    waiting = list(metadata.distributions(path=[str(wheel)]))
    while waiting:
        for text in waiting.pop().requires or []:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            for found in metadata.distributions(name=requirement.name):
                names = {file.parts[0] for file in found.files or []} - {"..", "__pycache__", *links}
                links |= {name: Path(str(found.locate_file(name))) for name in names}
                waiting += [found] if names else []
    for name, target in links.items():
        (folder / name).symlink_to(target)


@dataclass(frozen=True)
class Project:
    """A project in a folder, with an interpreter that has the wheel; `settings` is the module of its settings."""

    python: Path
    folder: Path
    settings: str

    @property
    def settings_file(self) -> Path:
        return self.folder.joinpath(*self.settings.split(".")).with_suffix(".py")

    def manage(self, *arguments: str | Path) -> str:
        return run(self.python, "manage.py", *arguments, cwd=self.folder)

    def run(self, *arguments: str | Path) -> str:
        return run(self.python, *arguments, cwd=self.folder, DJANGO_SETTINGS_MODULE=self.settings)

    def follow_readme(self, source: str = OWN_SOURCE) -> str:
        """Follow "Add it to your project" for this file field, and return the output of its commands."""
        output = []
        for language, block in blocks_of_readme():
            if language == "python":
                with self.settings_file.open("a") as settings:
                    settings.write(f"\n{block.replace(SOURCES, SOURCES.replace(OWN_SOURCE, source))}")
            commands = re.findall(r"^\$ python manage\.py ([^#\n]*)", block, re.MULTILINE)
            output += [self.manage(*command.split()) for command in commands]
        return "".join(output)


def blocks_of_readme() -> list[tuple[str, str]]:
    """Return the language and the text of each block."""
    section = (CHECKOUT / "README.md").read_text().partition("\n## Add it to your project\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert "".join(text for _language, text in blocks).count(SOURCES) == 1
    return blocks
