"""The examples in the README and in docs/ work."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from django.core.management import get_commands, load_command_class
from django.db.models import QuerySet

from benchmarks.chart import describe, read_tables
from hashing.backfill import backfill_perceptual_hashes
from hashing.models import ImageAsset
from samples.pictures import photo
from servers.site import CHECKOUT

pytestmark = pytest.mark.any_database

DOCS = CHECKOUT / "docs"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
PAGES = [CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md"))]
# By their paths in docs/.
TEXT = {page.as_posix().removeprefix(f"{DOCS}/").removeprefix(f"{CHECKOUT}/"): page.read_text() for page in PAGES}
COMMANDS = sorted(
    {
        (page, line.strip())
        for page, text in TEXT.items()
        for line in re.findall(r"^ *\$ [^#\n]*manage\.py ([^#\n]*)", text, re.MULTILINE)
        if get_commands().get(line.split()[0]) == "hashing"
    }
)


def snippets(page: str, *starts: str) -> list[str]:
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT[page], re.MULTILINE | re.DOTALL)
    found = [block for start in starts for block in blocks if block.startswith(start)]
    assert len(found) == len(starts)
    return found


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def run(snippet: str, **names: object) -> list[object]:
    """Run a snippet, and return the values of its expressions, with querysets as lists."""
    values = []
    for statement in ast.parse(snippet).body:
        if not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), "snippet", "exec"), names)
            continue
        value = eval(compile(ast.Expression(statement.value), "snippet", "eval"), names)
        values.append(list(value) if isinstance(value, QuerySet) else value)
    return values


@pytest.mark.parametrize("page", TEXT)
def test_python_examples_can_be_compiled(page):
    for block in re.findall(r"^( *)```python\n(.*?)^ *```$", TEXT[page], re.MULTILINE | re.DOTALL):
        compile(dedent(block[1]), page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_readme_is_short():
    assert len(TEXT["README.md"].split()) <= 900


def test_figures_of_the_readme_are_those_of_the_record():
    rows = re.findall(r"^\|.* \| (.*) \| `(make bench[\w-]*)` \|$", TEXT["README.md"], re.MULTILINE)
    assert len(rows) == 5
    for figures, command in rows:
        assert f"`{command}`" in TEXT["explanation/benchmarks.md"]
        for number in re.findall(r"[\d.]+", figures):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.])", TEXT["explanation/benchmarks.md"]), number


def test_demo_ends_as_the_readme_shows(site, tmp_path):
    subprocess.run([sys.executable, "-m", "samples.library", str(tmp_path / "demo")], cwd=CHECKOUT, check=True)
    site.run("import_images", str(tmp_path / "demo"))
    printed = site.run("backfill_hashes").stdout + site.run("find_duplicates").stdout
    [shown] = re.findall(r"^```\n(Hashing: .*?)^```$", TEXT["README.md"], re.MULTILINE | re.DOTALL)
    # Do not compare the progress bar, the table, and the numbers of bytes, which depend on the encoders.
    counts = re.findall(r"^(?:[A-Z]\w+.*: \w+|  - Asset .*)$", shown, re.MULTILINE)
    assert len(counts) == 10
    assert [line for line in counts if line not in printed.splitlines()] == []
    show = (
        "from hashing.models import DuplicateGroup as G; print(*(group.keeper for group in G.objects.all()), sep='\\n')"
    )
    keepers = site.run("shell", "--no-imports", "--command", show).stdout.splitlines()
    assert {keeper.rpartition("/")[2] for keeper in keepers} == {"original.jpg"}


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_take_the_options_that_are_shown(page, line):
    name, *arguments = shlex.split(line)
    load_command_class("hashing", name).create_parser("manage.py", name).parse_args(arguments)


def test_searching(add_image):
    add_image("one.jpg"), add_image("two.jpg")
    backfill_perceptual_hashes(workers=1)
    [snippet] = snippets("reference/python.md", "from hashing.models import ImageAsset")
    first, second = ImageAsset.objects.all()
    [by_asset, nearer, by_hash, turned, unhashed, failed] = run(snippet, asset=first)
    assert by_asset == turned == [second]
    assert nearer == ([second] if second.created_at.year == 2026 else [])
    assert by_hash == unhashed == failed == []


def test_comparing(tmp_path, monkeypatch):
    photo(size=(96, 72)).save(tmp_path / "beach.jpg")
    monkeypatch.chdir(tmp_path)
    [snippet] = snippets("reference/python.md", "from hashing.perceptual_hash import")
    [computed, distance, similar] = run(snippet)
    assert (len(computed), distance, similar) == (16, 1, True)


def test_hashing_from_python(add_image):
    add_image()
    [snippet] = snippets("reference/commands.md", "from hashing.backfill import")
    names = {"__name__": "__main__"}
    exec(snippet, names)
    assert names["result"]["processed"] == 1


def test_celery(add_image, monkeypatch):
    """Run the tasks at once, without Celery."""
    add_image()
    queued = []

    def shared_task(**_options):
        def declare(function):
            def apply_async(kwargs, queue):
                queued.append(queue)
                function(SimpleNamespace(retry=None), **kwargs)

            return SimpleNamespace(apply_async=apply_async)

        return declare

    for name in ("celery", "photos", "photos.tasks"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["celery"].shared_task = shared_task
    task, hand_out = snippets("how-to/celery.md", "# photos/tasks.py", "# where the tasks are created")
    exec(task, vars(sys.modules["photos.tasks"]))
    exec(hand_out, {})
    assert queued == ["hashing"]
    assert ImageAsset.objects.get().perceptual_hash


def test_the_chart_shows_the_figures_of_the_record():
    [shown] = ET.parse(DOCS / "images" / "benchmarks.svg").iter(f"{{{DUBLIN_CORE}}}description")
    record = describe(list(read_tables(TEXT["explanation/benchmarks.md"])))
    assert json.loads(shown.text) == json.loads(record), "run `make chart`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(((?!https?:)[^)]*)\)", page.read_text()):
        name, _, fragment = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if fragment:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert fragment in map(anchor, headings), link


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b[\w/]+\.py\b", TEXT["explanation/architecture.md"]))))
def test_modules_that_the_architecture_names_exist(path):
    assert [found for found in (CHECKOUT / "hashing").rglob(path.rpartition("/")[2]) if found.match(path)]


def test_the_architecture_names_every_room():
    rooms = {path.stem for path in (CHECKOUT / "hashing").iterdir() if path.suffix in {"", ".py"}}
    unnamed = rooms - set(re.findall(r"\w+", TEXT["explanation/architecture.md"]))
    assert unnamed <= {"__init__", "__pycache__", "apps", "locale", "migrations", "static", "templates", "py"}


def test_the_site_of_the_documentation_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", DOCS, tmp_path / "site"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (built.stderr, built.returncode) == ("", 0)
    assert (tmp_path / "site" / "how-to" / "own-models.html").exists()
