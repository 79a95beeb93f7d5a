from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.fingerprint.decoding import read_picture
from hashing.fingerprint.opening import open_regular_file
from samples.pictures import encoded, photo
from tests.fingerprint.files import (
    FORMATS,
    oriented,
)


@pytest.fixture(scope="module", params=[*FORMATS, "BigTIFF", "TIFF with LZW", "GIF animation"])
def valid_content(request: pytest.FixtureRequest) -> bytes:
    image = photo(size=(48, 40))
    make: dict[str, Callable[[], bytes]] = {
        "BigTIFF": lambda: encoded(image, "TIFF", big_tiff=True),
        "TIFF with LZW": lambda: encoded(image, "TIFF", compression="tiff_lzw", exif=oriented(6)),
        "GIF animation": lambda: encoded(image, "GIF", save_all=True, append_images=[photo(2, (48, 40))]),
        "GIF": lambda: encoded(image, "GIF"),
        "BMP": lambda: encoded(image, "BMP"),
        "PPM": lambda: encoded(image, "PPM"),
    }
    name = request.param
    return make.get(name, lambda: encoded(image, name, exif=oriented(6)))()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("fuzz") / "file.jpg"


# Often in headers, where damage has the strangest effects.
PLACES = st.floats(0, 1) | st.floats(0, 0.05) | st.integers(0, 64)
DAMAGE = st.lists(
    st.tuples(PLACES, st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)), min_size=1, max_size=8
)


@settings(max_examples=40, deadline=None)
@given(damage=DAMAGE, kept=st.just(1.0) | st.floats(0, 1))
def test_a_damaged_file_is_either_read_or_refused(
    valid_content: bytes, scratch: Path, damage: list[tuple[float, int]], kept: float
):
    content = bytearray(valid_content)
    for place, value in damage:
        position = place if isinstance(place, int) else int(place * (len(content) - 1))
        content[min(position, len(content) - 1)] = value
    scratch.write_bytes(content[: int(kept * len(content))])
    # Decoders warn about half of what they find in such files.
    with warnings.catch_warnings(), open_regular_file(scratch) as file:
        warnings.simplefilter("ignore")
        try:
            picture = read_picture(file, max_pixels=10**6)
        except ValueError:
            return
    assert picture.grey.mode == "L"
