from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from tests.fingerprint.formats.table import GREY, RGB, SIZE, Pixels, assert_read_as, assert_refused, by_opencv, named


def raw(kind: str, samples: Pixels, largest: int | None) -> bytes:
    body = samples.astype(">u2" if largest and largest > 255 else "u1").tobytes()
    header = [kind, "# a comment", f"{SIZE[0]} {SIZE[1]}"] + ([] if largest is None else [str(largest)])
    return "\n".join([*header, ""]).encode() + body


def plain(kind: str, samples: Pixels, largest: int | None) -> bytes:
    return raw(kind, samples[:0], largest) + " ".join(str(sample) for sample in samples.ravel()).encode()


def scaled(pixels: Pixels, largest: int) -> Pixels:
    return np.rint(pixels.astype(float) * largest / 255).astype(np.uint16)


BITS = (GREY < 128).astype(np.uint8)  # 1 is black
LARGEST = [1, 15, 100, 255, 1023, 4095, 65535]
GREYS = {
    f"{name} of {largest}": partial(write, f"P{kind}", scaled(GREY, largest), largest)
    for largest in LARGEST
    for name, write, kind in (("raw", raw, 5), ("plain", plain, 2))
}
COLOURS = {
    f"{name} of {largest}": partial(write, f"P{kind}", scaled(RGB, largest), largest)
    for largest in LARGEST
    for name, write, kind in (("raw", raw, 6), ("plain", plain, 3))
}


@pytest.mark.parametrize("variant", named(GREYS))
def test_greys_are_scaled_by_the_largest_value(variant):
    largest = variant.args[2]
    assert_read_as(variant(), scaled(GREY, largest) * (255 / largest))


@pytest.mark.parametrize("variant", named(COLOURS))
def test_colours_are_scaled_by_the_largest_value(variant):
    largest = variant.args[2]
    assert_read_as(variant(), scaled(RGB, largest) * (255 / largest))


@pytest.mark.parametrize("write", [raw, plain])
def test_bits_are_read(write):
    content = raw("P4", np.packbits(BITS, axis=1), None) if write is raw else plain("P1", BITS, None)
    assert_read_as(content, 255.0 * (1 - BITS))


@pytest.mark.parametrize(
    "content",
    named(
        {
            "grey": partial(raw, "P5", GREY, 255),
            "16 bits": partial(raw, "P5", scaled(GREY, 65535), 65535),
            "colours": partial(raw, "P6", RGB, 255),
        }
    ),
)
def test_pixels_are_read_as_by_opencv(content):
    assert_read_as(content(), by_opencv(content()))


@pytest.mark.parametrize("kind", ["P2", "P5"])
def test_a_dark_picture_of_16_bits_stays_dark(kind):
    write = raw if kind == "P5" else plain
    assert_read_as(write(kind, GREY, 65535), GREY / 257)


@pytest.mark.parametrize("order", ["<", ">"])
def test_floating_point_numbers_are_scaled_by_their_range(order):
    # From the bottom to the top; a negative scale says little-endian.
    body = (GREY[::-1] / 255).astype(f"{order}f4").tobytes()
    content = f"Pf\n{SIZE[0]} {SIZE[1]}\n{'-' if order == '<' else ''}1.0\n".encode() + body
    assert_read_as(content, GREY)


@pytest.mark.parametrize(
    "kind",
    [
        b"PF\n48 40\n-1.0\n" + bytes(48 * 40 * 12),
        b"P7\nWIDTH 48\nHEIGHT 40\nDEPTH 1\nMAXVAL 255\nENDHDR\n" + bytes(48 * 40),
    ],
)
def test_unknown_kinds_are_refused(kind):
    assert_refused(kind, "not a")


@pytest.mark.parametrize(
    "content", [raw("P5", GREY, 255)[:-500], raw("P6", RGB, 1023)[:-500], b"P5 48 40 0 ", b"P5 0 40 255 "]
)
def test_truncated_or_impossible_files_are_refused(content):
    assert_refused(content, ".")
