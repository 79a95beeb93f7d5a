from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashing.indexing.similar_rows import similar_rows

__all__ = ["__version__", "similar_rows"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # This package is imported before the app registry is ready, and models only after.
    if name == "similar_rows":
        from hashing.indexing.similar_rows import similar_rows

        return similar_rows
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
