from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, __version__

from hashing.fingerprint import grid, runs
from hashing.fingerprint.decoding import Box
from hashing.fingerprint.grid import STRIP_LINES, STRIP_PIXELS, Grids, shrink
from hashing.fingerprint.kernel import LARGE_LENGTH, SMALL_LENGTH, Side, make_kernel
from hashing.fingerprint.runs import LENGTH_WITH_RUNS
from samples.pictures import gradient, photo

LANCZOS = Image.Resampling.LANCZOS
SIZES = {"wide": (9, 8), "tall": (8, 9), "square": (64, 64)}
PILLOW_13 = int(__version__.split(".")[0]) >= 13


@st.composite
def grey_images(draw: st.DrawFn, least: int = 1, most: int = 700) -> Image.Image:
    sides = st.integers(least, 40 + least) | st.integers(least, most)
    shape = draw(st.tuples(sides, sides))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    pixels = random.randint(0, 256, shape)
    match draw(st.sampled_from(["random", "black and white", "one colour", "edges"])):
        case "black and white":
            pixels = np.where(pixels < 128, 0, 255)
        case "one colour":
            pixels[:] = pixels[0, 0]
        case "edges":
            rows, columns = np.indices(shape)
            pixels = 255 * ((rows // random.randint(1, 99) + columns // random.randint(1, 99)) % 2)
    return Image.fromarray(pixels.astype(np.uint8))


def resized_in_two_passes(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize as Pillow 13 does; other versions order the passes differently."""
    columns_first = image.height > size[1] and image.height - size[1] > 2 * (image.width - size[0])
    between = (image.width, size[1]) if columns_first else (size[0], image.height)
    return image.resize(between, LANCZOS).resize(size, LANCZOS)


def assert_exact(image: Image.Image) -> None:
    for name, cells in shrink(image)._asdict().items():
        assert cells.dtype == np.uint8
        np.testing.assert_array_equal(cells, np.asarray(resized_in_two_passes(image, SIZES[name])))


def assert_same(found: Grids, expected: Grids) -> None:
    for cells, others in zip(found, expected, strict=True):
        np.testing.assert_array_equal(cells, others)


@settings(max_examples=80, deadline=None)
@given(grey_images())
def test_grids_equal_pillows_lanczos_in_two_passes(image: Image.Image):
    assert_exact(image)


@pytest.mark.skipif(not PILLOW_13, reason="Pillow before 13 takes the passes of tall pictures in another order")
@settings(max_examples=60, deadline=None)
@given(grey_images())
def test_grids_equal_the_resize_of_pillow_13(image: Image.Image):
    for name, cells in shrink(image)._asdict().items():
        np.testing.assert_array_equal(cells, np.asarray(image.resize(SIZES[name], LANCZOS)))


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (8, 9),
        (9, 8),
        (64, 64),
        (1, 700),
        (700, 1),
        (7, 7),
        (512, STRIP_PIXELS // 512),
        (512, STRIP_PIXELS // 512 + 1),
        (1500, 2 * STRIP_LINES - 1),
        (SMALL_LENGTH, SMALL_LENGTH + 1),
        (1500, 1100),
        (LARGE_LENGTH, 2),
        (LARGE_LENGTH + 1, 2),
        (2, LARGE_LENGTH + 1),
        (3, 2 * LARGE_LENGTH),
        (LENGTH_WITH_RUNS, 2),
        (LENGTH_WITH_RUNS + 1, 40),
        (2, 200_003),
        (1_000_003, 1),
    ],
)
def test_all_grids_are_exact_at_the_sizes_where_the_arithmetic_changes(size: tuple[int, int]):
    assert_exact(photo(size=size).convert("L"))


@pytest.mark.parametrize(
    "size", [(60, height) for height in range(100, 120)] + [(100, height) for height in (135, 138)]
)
def test_all_grids_are_exact_where_the_order_of_the_passes_changes(size: tuple[int, int]):
    assert_exact(photo(seed=size[1], size=size).convert("L"))


@settings(max_examples=20, deadline=None)
@given(image=grey_images(), box=st.booleans(), strip=st.integers(1, 60), run=st.sampled_from([8, 64, 512]))
def test_no_cell_depends_on_how_the_work_is_divided(image: Image.Image, box: bool, strip: int, run: int):
    part = Box(0, 0, image.width - 0.25, image.height - 0.5) if box else None
    expected = shrink(image, part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "STRIP_LINES", strip)
        patch.setattr(grid, "STRIP_PIXELS", 0)
        assert_same(shrink(image, part), expected)
        patch.setattr(grid, "LARGE_LENGTH", 0)
        assert_same(shrink(image, part), expected)
        patch.setattr(runs, "LENGTH_WITH_RUNS", 0)
        patch.setattr(runs, "MAX_RUN", run)
        assert_same(shrink(image, part), expected)


def test_a_picture_of_one_grid_keeps_its_pixels():
    pixels = np.arange(72, dtype=np.uint8).reshape(8, 9)
    np.testing.assert_array_equal(shrink(Image.fromarray(pixels)).wide, pixels)


def test_a_gradient_rises_from_cell_to_cell():
    wide, tall, square = shrink(gradient(45))
    assert (wide[:, 1:] > wide[:, :-1]).all()
    assert (tall[1:] > tall[:-1]).all()
    assert (square[1:, 1:] > square[:-1, :-1]).all()


# A picture that its decoder reduced


def weights_of_a_cell(length: int, extent: float, cells: int, cell: int) -> list[int]:
    """Follow the formula, number by number."""
    scale = extent / cells
    stretch = max(scale, 1)
    centre = (cell + 0.5) * scale
    weights = []
    for pixel in range(length):
        inside = math.floor(centre - 3 * stretch + 0.5) <= pixel < math.floor(centre + 3 * stretch + 0.5)
        x = math.pi * (pixel + 0.5 - centre) / stretch
        weight = 3 * math.sin(x) * math.sin(x / 3) / x**2 if x else 1
        weights.append(weight * inside * min(1, extent - pixel))
    return [math.floor(abs(weight) / sum(weights) * 2**22 + 0.5) * (1 if weight > 0 else -1) for weight in weights]


@pytest.mark.parametrize("length", [*range(96, 140), 190, 500, 512])
@pytest.mark.parametrize("missing", [0, 1 / 8, 7 / 8])
def test_two_passes_over_a_reduced_picture_are_exact(length: int, missing: float):
    # No decoder leaves an extent below 96.
    for block in make_kernel(Side(length, max(96, length - missing))):
        assert 255 * np.abs(block.weights).sum(axis=0).max() ** 2 < 2**53


def cells_in_whole_numbers(pixels: list[list[int]], extent: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    across = [weights_of_a_cell(len(pixels[0]), extent[0], size[0], cell) for cell in range(size[0])]
    down = [weights_of_a_cell(len(pixels), extent[1], size[1], cell) for cell in range(size[1])]
    rows = [[sum(map(int.__mul__, row, weights)) for weights in across] for row in pixels]
    columns = list(zip(*rows, strict=True))
    sums = [[sum(map(int.__mul__, column, weights)) for column in columns] for weights in down]
    return np.array([[min(max((each + 2**43) >> 44, 0), 255) for each in row] for row in sums])


@pytest.mark.parametrize("extent", [(125, 93.75), (96.125, 130.5), (100.5, 97), (96, 96)])
def test_a_reduced_picture_is_shrunk_by_the_formula(extent: tuple[float, float]):
    image = photo(3, (math.ceil(extent[0]), math.ceil(extent[1]))).convert("L")
    pixels = np.asarray(image).tolist()
    for name, cells in shrink(image, Box(0, 0, *extent))._asdict().items():
        np.testing.assert_array_equal(cells, cells_in_whole_numbers(pixels, extent, SIZES[name]))


@settings(max_examples=30, deadline=None)
@given(image=grey_images(96, 260), right=st.sampled_from([1, 3, 5, 7]), bottom=st.sampled_from([1, 3, 5, 7]))
def test_a_reduced_and_turned_picture_has_turned_cells(image: Image.Image, right: int, bottom: int):
    right, bottom = right / 8, bottom / 8
    width, height = image.size
    wide, tall, square = shrink(image, Box(0, 0, width - right, height - bottom))
    turned = image.transpose(Image.Transpose.ROTATE_180)
    box = Box(right, bottom, width, height)
    assert_same(shrink(turned, box), Grids(wide[::-1, ::-1], tall[::-1, ::-1], square[::-1, ::-1]))
    transposed = image.transpose(Image.Transpose.TRANSPOSE)
    assert_same(shrink(transposed, Box(0, 0, height - bottom, width - right)), Grids(tall.T, wide.T, square.T))
    quarter = image.transpose(Image.Transpose.ROTATE_270)
    box = Box(bottom, 0, height, width - right)
    assert_same(shrink(quarter, box), Grids(tall.T[:, ::-1], wide.T[:, ::-1], square.T[:, ::-1]))


def test_the_empty_part_of_the_last_pixel_does_not_count():
    pixels = np.tile(np.linspace(0, 255, 100).astype(np.uint8), (100, 1))
    black, white = pixels.copy(), pixels.copy()
    black[:, -1], white[:, -1] = 0, 255
    almost_none = Box(0, 0, 99 + 1e-9, 100)
    assert_same(shrink(Image.fromarray(black), almost_none), shrink(Image.fromarray(white), almost_none))


# Memory

THIN = """
import resource, sys
import numpy as np
from PIL import Image
from hashing.fingerprint.grid import shrink

width, height = int(sys.argv[1]), int(sys.argv[2])
image = Image.new("L", (width, height), 200)
shrink(image.resize((99, 99)))
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[3]), -1))
shrink(image)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited and counted as Linux does it")
@pytest.mark.parametrize("size", [(1_000_000, 1), (1, 1_000_000), (8_000_000, 1), (1, 8_000_000)])
def test_a_thin_picture_takes_little_more_memory_than_its_pixels(size: tuple[int, int]):
    # 8 bytes a pixel, and what the weights take, and any picture.
    limit = 8 * max(size) + (48 << 20)
    subprocess.run([sys.executable, "-c", THIN, *map(str, size), str(limit)], check=True, capture_output=True)
