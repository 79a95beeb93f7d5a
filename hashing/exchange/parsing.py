"""Records of `export_hashes`, read back: what a file says of one image."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hashing.exchange.formats import FileFormat, Record, of_cell
from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, FileDetails, Fingerprint, Inside, InsideBox, is_hash
from hashing.sources.keys import SourceKey
from hashing.text import MAX_KEY, is_unicode, parse_integer

# The columns without which no image can be found or no hash be stored.
REQUIRED_COLUMNS = frozenset(
    {"image", "perceptual_hash", "vertical_hash", "detail_hash", "hash_quality", "hash_version", "width", "height"}
)
BEST, WHOLE_SIDE = 100, 1000
DIGEST_BITS = 256
MAX_FORMAT_LENGTH = 16
# The largest values of the columns.
MAX_SMALL, MAX_INTEGER = 2**15 - 1, 2**31 - 1


class HashRecord(NamedTuple):
    """The file of an image and what was computed from it. `fingerprint` is None for one that is not hashed."""

    line: int
    image: str
    owner: SourceKey | None
    storage: str | None
    version: int | None
    fingerprint: Fingerprint | None
    file_size: int | None
    file_digest: str | None
    details: FileDetails | None


def is_own_export(columns: Collection[str]) -> bool:
    return REQUIRED_COLUMNS.issubset(columns)


def parse_hash_record(record: Record, file_format: FileFormat) -> HashRecord:
    """Raise `ValueError` for a value that the column cannot have."""
    values = Values(record.values, is_text=file_format == FileFormat.CSV)
    image = values.text("image")
    if image is None:
        raise ValueError("no name of a file")
    owner = SourceKey.of(*(values.text(name) for name in SourceKey._fields))
    is_hashed = values.text("perceptual_hash") is not None
    return HashRecord(
        record.line,
        image,
        owner,
        values.text("storage"),
        values.number("hash_version", MAX_SMALL),
        fingerprint_of(values) if is_hashed else None,
        values.number("file_size"),
        values.hash("file_digest", DIGEST_BITS),
        details_of(values) if is_hashed else None,
    )


def is_storable(text: str) -> bool:
    """Whether every database takes the text: PostgreSQL takes no NUL."""
    return is_unicode(text) and "\0" not in text


class Values:
    """The values of a record. With `is_text`, they are the cells of a CSV file."""

    def __init__(self, values: Mapping[str, Any], *, is_text: bool) -> None:
        self._values, self._is_text = values, is_text

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text: {value!r}")  # noqa: TRY004 - of a file, not of a caller
        if not is_storable(value):
            raise ValueError(f"{name} is no valid text: {value!r}")
        return of_cell(value) if self._is_text else value or None

    def number(self, name: str, maximum: int = MAX_KEY) -> int | None:
        value: Any = self._values.get(name)
        if self._is_text and value is not None:
            text = self.text(name)
            value = None if text is None else parse_integer(text)
            if text is not None and value is None:
                raise ValueError(f"{name} is no number: {text!r}")
        if value is None:
            return None
        if type(value) is not int or not 0 <= value <= maximum:
            raise ValueError(f"{name} is out of range: {value!r}")
        return value

    def known_number(self, name: str, maximum: int = MAX_KEY) -> int:
        value = self.number(name, maximum)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value

    def flag(self, name: str) -> bool | None:
        value: Any = self._values.get(name)
        if self._is_text:
            value = {"true": True, "false": False}.get(value)
        return value if isinstance(value, bool) else None

    def hash(self, name: str, bits: int = HASH_BITS) -> str | None:
        text = self.text(name)
        if text is not None and not is_hash(text, bits):
            raise ValueError(f"{name} is no hash of {bits // 4} hexadecimal characters: {text!r}")
        return text.lower() if text else None

    def known_hash(self, name: str, bits: int = HASH_BITS) -> str:
        text = self.hash(name, bits)
        if text is None:
            raise ValueError(f"{name} is missing")
        return text


def fingerprint_of(values: Values) -> Fingerprint:
    return Fingerprint(
        values.known_hash("perceptual_hash"),
        values.known_hash("vertical_hash"),
        values.known_hash("detail_hash", DETAIL_BITS),
        values.known_number("hash_quality", BEST),
        values.known_number("width", MAX_INTEGER),
        values.known_number("height", MAX_INTEGER),
        inside_of(values),
    )


def inside_of(values: Values) -> Inside | None:
    if values.text("inside_perceptual_hash") is None:
        return None
    return Inside(
        values.known_hash("inside_perceptual_hash"),
        values.known_hash("inside_vertical_hash"),
        values.known_hash("inside_detail_hash", DETAIL_BITS),
        values.known_number("inside_quality", BEST),
        InsideBox(*(values.known_number(f"inside_{edge}", WHOLE_SIDE) for edge in InsideBox._fields)),
    )


def details_of(values: Values) -> FileDetails | None:
    file_format, exif_count = values.text("file_format"), values.number("exif_count", MAX_INTEGER)
    is_transparent = values.flag("is_transparent")
    if file_format is not None and len(file_format) > MAX_FORMAT_LENGTH:
        raise ValueError(f"file_format is too long: {file_format!r}")
    if file_format is None or exif_count is None or is_transparent is None:
        return None
    taken_at = values.text("taken_at")
    moment = None if taken_at is None else datetime.fromisoformat(taken_at)
    return FileDetails(file_format, values.number("jpeg_quality", BEST), is_transparent, exif_count, moment)
