from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata

from django.core import checks

PACKAGE = "django-imagesearch"


def error(check_id: str, message: str, hint: str) -> checks.Error:
    return checks.Error(message, hint=with_page(hint, check_id), id=f"hashing.{check_id}")


def warning(check_id: str, message: str, hint: str) -> checks.Warning:
    return checks.Warning(message, hint=with_page(hint, check_id), id=f"hashing.{check_id}")


def with_page(hint: str, check_id: str) -> str:
    # The page has a heading for each id, and this is its anchor.
    return f"{hint} See {documentation_page('reference/checks.md')}#hashing{check_id.lower()}"


def documentation_page(name: str) -> str:
    """Return the address of a page if the package has one for its documentation, else its path in the sources."""
    try:
        addresses = metadata(PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:
        addresses = []
    for each in addresses:
        label, _, address = each.partition(", ")
        if label == "Documentation":
            return f"{address.rstrip('/')}/{name.removesuffix('.md')}.html"
    return f"docs/{name}"
