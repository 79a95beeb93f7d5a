"""The last part of a file name, in lower case.

It is the same in all names that a file has through a linked or mounted folder, below another root or prefix, in another
spelling of the path, or in another case.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import product
from math import prod
from typing import Any

from django.db import models
from django.db.models import Func

from hashing.db.expressions import VendorFunc

MAX_VARIANTS = 64
ASCII_LOWER = {ord(char): ord(char.lower()) for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def base_name_key(name: str) -> str:
    """Return the part after the last slash or backslash, with ASCII letters in lower case."""
    return re.split(r"[/\\]", name)[-1].translate(ASCII_LOWER)


def base_name_keys(name: str) -> set[str]:
    """Return the keys of all names of a file in storages that ignore case and Unicode normal forms."""
    key = base_name_key(name)
    if key.isascii():
        return {key}
    composed, decomposed = (unicodedata.normalize(form, key) for form in ("NFC", "NFD"))
    choices = [sorted({char} if char.isascii() else {char, char.lower(), char.upper()}) for char in composed]
    if prod(map(len, choices)) > MAX_VARIANTS:
        return {key, composed, decomposed} | {base_name_key(change(composed)) for change in (str.lower, str.upper)}
    return {key, decomposed} | {"".join(chars) for chars in product(*choices)}


class BaseNameKey(VendorFunc):
    """`base_name_key` in SQL. Its literals are part of the SQL, because with parameters no index would match."""

    def __init__(self, expression: Any) -> None:
        base_name = (
            "SUBSTR(%(expressions)s,"
            " LENGTH(RTRIM(%(expressions)s, REPLACE(REPLACE(%(expressions)s, '/', ''), '\\', ''))) + 1)"
        )
        super().__init__(
            expression,
            template=f"LOWER({base_name})",
            # In this collation only ASCII has a lower case, as on SQLite.
            postgresql=f'LOWER({base_name} COLLATE "C")',
            output_field=models.TextField(),
        )


class PlainName(Func):
    """A whole name in lower case and without superfluous slashes."""

    arity = 1
    template = "LOWER(REPLACE(REPLACE(REPLACE(%(expressions)s, '\\', '/'), '/./', '/'), '//', '/'))"

    def __init__(self, expression: Any) -> None:
        super().__init__(expression, output_field=models.TextField())
