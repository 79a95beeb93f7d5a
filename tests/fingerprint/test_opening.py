from __future__ import annotations

import errno
import io
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from hashing.fingerprint import modes, opening
from hashing.fingerprint.decoding import read_picture, read_thumbnail
from hashing.fingerprint.limits import FILE_SUFFIXES
from hashing.fingerprint.opening import open_picture, open_regular_file
from samples.pictures import blank, encoded, photo
from tests.fingerprint.files import (
    AVIF,
    CLOSE_TO_THE_ORIGINAL,
    FORMATS,
    FROM_PILLOW_13,
    HEIC,
    SMALL,
    assert_close_grey,
    needs_heif,
    oriented,
    png_that_declares,
    read,
)

# Formats


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_is_read(image_format: str):
    image = photo(size=SMALL)
    content = encoded(image, image_format, **CLOSE_TO_THE_ORIGINAL.get(image_format, {}))
    picture = read(content)
    assert (picture.width, picture.height) == SMALL
    assert_close_grey(picture, image)


def test_every_suffix_that_pillow_registers_for_the_formats_is_known():
    Image.init()
    known = {
        suffix for suffix, name in Image.EXTENSION.items() if name in {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"}
    }
    assert known <= FILE_SUFFIXES


@pytest.mark.parametrize("image_format", ["EPS", "PDF", "TGA", "ICO", "SGI", "PCX"])
def test_other_formats_are_refused(image_format: str):
    image = photo(size=SMALL)
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(encoded(image, image_format))


def test_a_photoshop_file_is_refused():
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 8, 3)
    content = header + b"\0" * 12 + b"\0\0" + b"\x80" * 48
    assert Image.open(io.BytesIO(content)).format == "PSD"
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(content)


@pytest.fixture
def ghostscript_that_leaves_a_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mark, program = tmp_path / "started", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    return mark


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Ghostscript is a shell script")
def test_an_eps_file_named_jpg_starts_no_outside_program(tmp_path: Path, ghostscript_that_leaves_a_mark: Path):
    path = tmp_path / "upload.jpg"
    path.write_bytes(encoded(photo(size=SMALL), "EPS"))
    with open_regular_file(path) as file, pytest.raises(ValueError, match="not an image in a supported format"):
        read_picture(file)
    assert not ghostscript_that_leaves_a_mark.exists()
    # Pillow without the limit does start it.
    with Image.open(path) as image, pytest.raises(OSError, match=r"\w"):
        image.load()
    assert ghostscript_that_leaves_a_mark.exists()


@pytest.mark.parametrize("content", [b"just some text\n", b"\0" * 5000, b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_files_without_an_image_are_refused(content: bytes):
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(content)


def test_an_empty_file_has_its_own_message():
    with pytest.raises(ValueError, match="the file is empty"):
        read(b"")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", AVIF, HEIC])
def test_a_truncated_file_is_refused(image_format: str):
    content = encoded(photo(size=(320, 240)), image_format)
    with pytest.raises(ValueError, match=r"\w"):
        read(content[: len(content) // 2])


@pytest.fixture
def without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    opening.known_formats.cache_clear()
    yield
    opening.known_formats.cache_clear()


@needs_heif
def test_without_pillow_heif_only_heif_is_refused(without_pillow_heif: None):
    content = encoded(photo(size=SMALL), "HEIF")
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(content)
    assert read(encoded(photo(size=SMALL), "JPEG")).width == SMALL[0]


# The limit of pixels


def test_a_picture_that_declares_a_huge_size_is_refused():
    with pytest.raises(ValueError, match="100000 x 100000 pixels"):
        read(png_that_declares(100_000, 100_000))


def test_a_declared_size_above_the_limit_is_refused_before_decoding():
    # There are no pixels: decoding would fail with another error.
    with pytest.raises(ValueError, match="800 x 600 pixels declared, more than the 479999 allowed"):
        read(png_that_declares(800, 600), max_pixels=479_999)


def test_a_declared_size_at_the_limit_is_decoded():
    content = encoded(photo(size=SMALL), "PNG")
    assert read(content, max_pixels=SMALL[0] * SMALL[1]).width == SMALL[0]


def test_the_limit_applies_to_the_size_in_the_file_not_to_the_reduced_one():
    content = encoded(photo(size=(1160, 1030)), "JPEG")
    with pytest.raises(ValueError, match="1160 x 1030 pixels declared"):
        read(content, max_pixels=1_000_000)


# Pillow raises an error for twice its own limit, and warns below that.
@pytest.mark.parametrize("limit", [SMALL[0] * SMALL[1] // 4, SMALL[0] * SMALL[1] - 1])
# The decoder of WebP checks it before the size is known.
@pytest.mark.parametrize("image_format", [name for name in FORMATS if name != "WEBP"])
def test_only_our_limit_of_pixels_counts(image_format: str, limit: int, monkeypatch: pytest.MonkeyPatch):
    content = encoded(photo(size=SMALL), image_format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert read(content).width == SMALL[0]
    assert read_thumbnail(io.BytesIO(content), 40).size == (40, 30)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_pillows_limit_does_not_count_for_a_turned_tiff(compression: str, monkeypatch: pytest.MonkeyPatch):
    content = encoded(photo(size=SMALL), "TIFF", exif=oriented(6), compression=compression)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(content).grey.size == (60, 80)


@FROM_PILLOW_13
def test_a_webp_file_beyond_pillows_limit_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch):
    content = encoded(photo(size=SMALL), "WEBP")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="exceeds limit of 200 pixels"):
        read(content)


def test_pillows_process_wide_limit_is_unchanged():
    before = Image.MAX_IMAGE_PIXELS
    read(encoded(photo(size=SMALL), "PNG"), max_pixels=10**6)
    with pytest.raises(ValueError, match="declared"):
        read(png_that_declares(800, 600), max_pixels=10)
    assert before == Image.MAX_IMAGE_PIXELS


# Files that cannot be opened or read


def test_a_regular_file_is_opened(tmp_path: Path):
    path = tmp_path / "page.png"
    path.write_bytes(encoded(blank(SMALL), "PNG"))
    for name in (path, str(path)):
        with open_regular_file(name) as file:
            assert read_picture(file).width == SMALL[0]


def test_a_missing_file_is_not_found(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        open_regular_file(tmp_path / "missing.png")


def test_a_directory_is_not_opened(tmp_path: Path):
    with pytest.raises(OSError, match="not a regular file"):
        open_regular_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        open_regular_file(tmp_path / "pipe.jpg")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files cannot be counted here")
def test_a_refused_file_is_closed(tmp_path: Path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular_file(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("name", ["a\0b.jpg", "\ud800.jpg"])
def test_an_impossible_file_name_is_an_error_of_the_file(name: str):
    with pytest.raises(OSError, match="not a file name"):
        open_regular_file(name)


class FailingFile(io.BytesIO):
    """A file whose disk fails from a position on."""

    def __init__(self, content: bytes, readable: int, number: int) -> None:
        super().__init__(content)
        self.readable_bytes, self.number = readable, number

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self.readable_bytes:
            raise OSError(self.number, os.strerror(self.number))
        return super().read(size)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
@pytest.mark.parametrize("readable", [0, 100, 5000])
def test_an_unreadable_file_is_not_a_broken_picture(readable: int, number: int):
    content = encoded(photo(size=(640, 480)), "PNG", compress_level=0)
    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        read_picture(FailingFile(content, readable, number))
    assert raised.value.errno == number


def test_an_impossible_file_position_means_a_broken_picture(tmp_path: Path):
    path = tmp_path / "broken.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63 - 10))
    with open_regular_file(path) as file, pytest.raises(ValueError, match=r"\w"):
        read_picture(file)


def test_the_file_stays_open():
    file = io.BytesIO(encoded(photo(size=SMALL), "PNG"))
    read_picture(file)
    assert not file.closed


# Errors that are not those of the file


@pytest.mark.parametrize("error", [TypeError("ours"), AttributeError("ours"), KeyError("ours")])
def test_an_error_of_the_caller_is_raised_unchanged(error: Exception):
    def use_the_picture() -> None:
        with open_picture(io.BytesIO(encoded(photo(size=SMALL), "PNG"))):
            raise error

    with pytest.raises(type(error), match="ours"):
        use_the_picture()


def test_an_error_after_decoding_is_raised_unchanged(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(modes, "to_eight_bits", lambda _image: None)
    for read_it in (read, lambda content: read_thumbnail(io.BytesIO(content), 40)):
        with pytest.raises(AttributeError):
            read_it(encoded(photo(size=SMALL), "PNG"))


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory error when reading image file")])
def test_too_little_memory_does_not_mean_a_broken_picture(error: Exception, monkeypatch: pytest.MonkeyPatch):
    def fail(_image: Image.Image) -> None:
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(MemoryError, match="not enough memory to decode it"):
        read(encoded(photo(size=SMALL), "PNG"))


def test_error_of_a_decoder_has_no_line_break_at_its_end():
    assert str(opening.decoding_error(RuntimeError("Unexpected end of file\n"))) == "Unexpected end of file"
