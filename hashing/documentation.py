"""Where the pages of docs/ are."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata

PACKAGE = "django-imagesearch"


def documentation_page(name: str) -> str:
    """Return the address of a page, if the package names one for its documentation, or else its path in the sources."""
    try:
        addresses = metadata(PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:
        addresses = []
    for each in addresses:
        label, _, address = each.partition(", ")
        if label == "Documentation":
            return f"{address.rstrip('/')}/{name}"
    return f"docs/{name}"
