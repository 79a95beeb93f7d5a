from __future__ import annotations

from tests.sources.conftest import sources

__all__ = ["sources"]
