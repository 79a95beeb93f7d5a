from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashing.indexing.similar_rows import similar_rows

__all__ = ["similar_rows"]


def __getattr__(name: str) -> Any:
    # Models can be imported only when all apps are installed, and this package is imported before.
    if name == "similar_rows":
        from hashing.indexing.similar_rows import similar_rows

        return similar_rows
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
