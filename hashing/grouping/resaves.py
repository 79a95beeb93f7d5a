"""Lossless files that were made from a JPEG: they have more bytes, and nothing more to see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hashing.grouping.candidates import CandidateRow
from hashing.grouping.clustering import Matches

Size = tuple[int | None, int | None]

LOSSLESS_FORMATS = frozenset({"PNG", "BMP", "TIFF", "PPM"})
# "MPO" is a JPEG file with further pictures in it.
JPEG_FORMATS = frozenset({"JPEG", "MPO"})
# A JPEG of lower quality is rather an export of the lossless file.
MIN_SOURCE_QUALITY = 70
# Bits of all three hashes: a JPEG is hashed at a reduced scale, and a copy of it in another format from all pixels.
MAX_RESAVE_DISTANCE = 4


def mark_resaves(candidates: Mapping[Any, CandidateRow], matches: Matches) -> dict[Any, CandidateRow]:
    """Return the candidates, those marked that are a re-save of one that they match."""
    # Of the rows of one entry, one stands for all that have its size and its hashes.
    sources: defaultdict[tuple[int, Size], dict[Sequence[Any], CandidateRow]] = defaultdict(dict)
    for key, row in candidates.items():
        if may_be_source(row):
            for entry in matches.entries_of[key]:
                sources[entry, size_of(row)][row.fingerprint[:3]] = row
    marked = dict(candidates)
    for key, row in candidates.items() if sources else ():
        if may_be_resave(row):
            near = {each for entry in matches.entries_of[key] for each in matches.neighbours(entry)}
            found = (sources.get((each, size_of(row)), {}) for each in near)
            marked[key] = mark(row, [source for some in found for source in some.values()])
    return marked


def mark_resaves_among(rows: Sequence[CandidateRow]) -> list[CandidateRow]:
    """Do the same for the few rows of a page."""
    return [mark(row, rows) for row in rows]


def mark(row: CandidateRow, others: Iterable[CandidateRow]) -> CandidateRow:
    is_resave = any(is_resave_of(row, other) for other in others)
    return row._replace(ranked=row.ranked._replace(is_resave=is_resave))


def is_resave_of(row: CandidateRow, source: CandidateRow) -> bool:
    """Whether a lossless file has the size and the hash of a JPEG, except for rounding."""
    if not (may_be_resave(row) and may_be_source(source) and size_of(row) == size_of(source)):
        return False
    if row.fingerprint.version != source.fingerprint.version:
        # They match as they did when both had the same version, and a copy of this size is almost always a re-save.
        return True
    hashes, source_hashes = row.fingerprint.hashes, source.fingerprint.hashes
    if hashes is None or source_hashes is None:
        return False
    distance = sum((one ^ other).bit_count() for one, other in zip(hashes, source_hashes, strict=True))
    return distance <= MAX_RESAVE_DISTANCE


def may_be_resave(row: CandidateRow) -> bool:
    return row.ranked.file_format in LOSSLESS_FORMATS and row.ranked.width is not None


def may_be_source(row: CandidateRow) -> bool:
    ranked = row.ranked
    is_sound = ranked.file_format in JPEG_FORMATS and not ranked.hash_error
    return is_sound and (ranked.jpeg_quality or 0) >= MIN_SOURCE_QUALITY


def size_of(row: CandidateRow) -> Size:
    return row.ranked.width, row.ranked.height
