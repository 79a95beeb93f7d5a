from __future__ import annotations

from datetime import UTC, datetime

from hashing.admin.review.file_labels import describe_file
from hashing.models import ImageAsset

ADDED = datetime(2026, 1, 2, 12, tzinfo=UTC)


def facts(**fields) -> list[str]:
    return [fact.replace("\xa0", " ") for fact in describe_file(ImageAsset(created_at=ADDED, **fields))]


def test_facts_of_a_file():
    assert facts(
        width=3000,
        height=2000,
        file_size=1_000_000,
        file_format="JPEG",
        jpeg_quality=90,
        is_transparent=True,
        taken_at=datetime(2019, 5, 1, 12, tzinfo=UTC),
    ) == ["3000 × 2000", "976.6 KB", "JPEG q90", "transparent", "taken 05/01/2019"]  # noqa: RUF001


def test_facts_of_a_file_that_is_not_hashed():
    assert facts(file_size=3) == ["3 bytes", "added 01/02/2026"]
