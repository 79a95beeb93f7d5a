"""Messages of the system checks, each with a hint that leads to what docs/checks.md says about it."""

from __future__ import annotations

from django.core import checks

from hashing.documentation import documentation_page

PAGE = "checks.md"


def error(check_id: str, message: str, hint: str) -> checks.Error:
    return checks.Error(message, hint=_with_page(hint, check_id), id=f"hashing.{check_id}")


def warning(check_id: str, message: str, hint: str) -> checks.Warning:
    return checks.Warning(message, hint=_with_page(hint, check_id), id=f"hashing.{check_id}")


def _with_page(hint: str, check_id: str) -> str:
    # Each id is a heading of the page, and this is the anchor of its heading.
    return f"{hint} See {documentation_page(PAGE)}#hashing{check_id.lower()}"
