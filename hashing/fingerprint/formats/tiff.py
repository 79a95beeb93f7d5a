from __future__ import annotations

import math
from collections.abc import Callable
from typing import IO, BinaryIO, NamedTuple

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from hashing.fingerprint.formats.splicing import splice
from hashing.fingerprint.formats.tiff_directory import Directory, Numbers, read_directory, rewrite_directory

WIDTH, LENGTH, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
FILL_ORDER, STRIP_OFFSETS, ORIENTATION, SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_LENGTHS = 266, 273, 274, 277, 278, 279
PLANAR_CONFIGURATION, T4_OPTIONS, T6_OPTIONS, PREDICTOR, COLOUR_MAP = 284, 292, 293, 317, 320
TILE_TAGS, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = (322, 323, 324, 325), 332, 338, 339
MIN_SAMPLE, MAX_SAMPLE, JPEG_TABLES, SUBSAMPLING = 340, 341, 347, 530
OLD_JPEG_TAGS, YCBCR_TAGS = range(512, 522), range(529, 533)
# All other tags are metadata, which may be damaged.
PIXEL_TAGS = {
    *(WIDTH, LENGTH, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, ORIENTATION),
    *(SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR_CONFIGURATION, T4_OPTIONS, T6_OPTIONS, PREDICTOR),
    *(COLOUR_MAP, *TILE_TAGS, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, *OLD_JPEG_TAGS, *YCBCR_TAGS),
}
WHITE_IS_ZERO, BLACK_IS_ZERO, YCBCR, CIE_LAB, ICC_LAB = 0, 1, 6, 8, 9
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
UNCOMPRESSED, SEPARATE_PLANES = 1, 2


class Samples(NamedTuple):
    """How the tags of a page describe its samples."""

    bits: int = 8
    sample_format: int = UNSIGNED
    white_is_zero: bool = False
    smallest: float | None = None
    largest: float | None = None
    is_alpha_undeclared: bool = False  # no tag tells what the fourth sample of a pixel is
    is_icc_lab: bool = False

    @property
    def black_and_white(self) -> tuple[float, float] | None:
        """The values of black and white. None for floating-point numbers whose tags give no range."""
        black, white = self.smallest, self.largest
        if self.sample_format != FLOAT:
            lowest = -(1 << self.bits - 1) if self.sample_format == SIGNED else 0
            black = lowest if black is None else black
            white = lowest + (1 << self.bits) - 1 if white is None else white
        if black is None or white is None or not -math.inf < black < white < math.inf:
            return None
        return (white, black) if self.white_is_zero else (black, white)


class FirstPage(TiffImageFile):
    """The first page of a TIFF file; `samples` tells how to interpret its deep modes, `directory` has all its tags.

    Raises `ValueError` for files that Pillow would decode wrongly.
    """

    def __init__(self, file: IO[bytes], filename: str = "") -> None:
        self.directory = read_directory(file)
        self.samples = describe_samples(self.directory.numbers)
        if reason := find_unsupported_layout(self.directory, self.samples):
            raise ValueError(f"TIFF with {reason} cannot be read")
        super().__init__(correct_tags(self.directory, self.samples), filename)

    def load_prepare(self) -> None:
        # Unless there is memory already, Pillow compares the size with its process-wide limit once more.
        self.im = Image.new(self.mode, (self.tag_v2[WIDTH], self.tag_v2[LENGTH])).im
        super().load_prepare()


def samples_of(image: Image.Image) -> Samples | None:
    """Return the description of the samples of a TIFF file, None for other formats."""
    if isinstance(image, FirstPage):
        return image.samples
    if not isinstance(image, TiffImageFile):
        return None
    tags = image.tag_v2

    def numbers(tag: int, default: Numbers = ()) -> Numbers:
        value = tags.get(tag, default)
        return value if isinstance(value, tuple) else (value,)

    return describe_samples(numbers)


def describe_samples(numbers: Callable[..., Numbers]) -> Samples:
    (photometric, *_), (sample_format, *_) = numbers(PHOTOMETRIC, (WHITE_IS_ZERO,)), numbers(SAMPLE_FORMAT, (UNSIGNED,))
    return Samples(
        bits=int(max(numbers(BITS_PER_SAMPLE, (1,)))),
        sample_format=UNSIGNED if sample_format == UNDEFINED else int(sample_format),
        white_is_zero=photometric == WHITE_IS_ZERO,
        smallest=next(iter(numbers(MIN_SAMPLE)), None),
        largest=next(iter(numbers(MAX_SAMPLE)), None),
        is_alpha_undeclared=not numbers(EXTRA_SAMPLES),
        is_icc_lab=photometric == ICC_LAB,
    )


def find_unsupported_layout(directory: Directory, samples: Samples) -> str:
    """Name the layout that Pillow would decode without an error, but wrongly; empty if there is none."""
    is_big_endian = directory.byte_order == ">"
    is_plain = directory.first(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED
    channels = directory.first(SAMPLES_PER_PIXEL, 1)
    is_separate = channels > 1 and directory.first(PLANAR_CONFIGURATION, 1) == SEPARATE_PLANES
    is_ycbcr = channels > 1 and directory.first(PHOTOMETRIC, WHITE_IS_ZERO) == YCBCR
    is_usual = samples.bits <= 8 or (samples.sample_format, samples.bits) == (UNSIGNED, 16)
    if is_big_endian and directory.is_big:
        return "64-bit offsets in big-endian order"
    if is_big_endian and not is_plain and not is_usual:
        return "compressed big-endian samples that are signed, floating-point or of 32 bits"
    if is_plain and is_separate and (samples.bits > 8 or is_ycbcr):
        return "uncompressed separate planes of more than 8 bits or in YCbCr"
    if is_plain and is_ycbcr and directory.numbers(SUBSAMPLING, (2, 2)) != (1, 1):
        return "uncompressed subsampled YCbCr"
    return ""


def correct_tags(directory: Directory, samples: Samples) -> BinaryIO:
    """Return the file with tags that Pillow interprets correctly; `to_eight_bits` does the rest by the `samples`."""
    kept = directory.with_only(PIXEL_TAGS)
    if samples.white_is_zero and (samples.bits > 8 or samples.sample_format != UNSIGNED):
        kept = kept.with_short(PHOTOMETRIC, BLACK_IS_ZERO)
    if samples.is_icc_lab:
        kept = kept.with_short(PHOTOMETRIC, CIE_LAB)
    if samples.sample_format == UNSIGNED:
        # Pillow reads signed samples of 32 bits in both byte orders, but unsigned ones in one only.
        kept = kept.with_short(SAMPLE_FORMAT, SIGNED if samples.bits == 32 else UNSIGNED)
    new_values, colours = {}, directory.numbers(COLOUR_MAP)
    # Some programs write a palette in 8 bits, which would be black.
    if colours and max(colours) <= 255:
        new_values[COLOUR_MAP] = directory.pack_shorts(int(colour) * 257 for colour in colours)
    return splice(directory.file, rewrite_directory(kept, new_values))
