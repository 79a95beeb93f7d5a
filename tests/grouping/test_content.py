from __future__ import annotations

import pytest
from hashing.grouping.content import digest, read_contents

from hashing.models import ImageAsset

LONG = bytes(range(256)) * 1024


@pytest.mark.parametrize("position", [0, 64 * 1024 - 1, 64 * 1024, 128 * 1024, len(LONG) - 1])
def test_every_byte_counts(add_image, position):
    other = bytearray(LONG)
    other[position] ^= 1
    one, two, same = (add_image(f"{n}.jpg", content=bytes(each)) for n, each in enumerate((LONG, other, LONG)))
    storage = one.image.storage
    assert digest(storage, one.image.name) == digest(storage, same.image.name)
    assert digest(storage, one.image.name) != digest(storage, two.image.name)


def test_length_counts(add_image):
    one, two = add_image("1.jpg", content=LONG), add_image("2.jpg", content=LONG[:-1])
    assert digest(one.image.storage, one.image.name) != digest(two.image.storage, two.image.name)


def test_only_files_of_one_size_and_entry_are_read(add_image, monkeypatch):
    sizes = {"a.jpg": 3, "b.jpg": 3, "c.jpg": 4, "d.jpg": 3, "gone.jpg": 3}
    rows = [
        add_image(name, content=None if name == "gone.jpg" else b"x" * size, file_size=size)
        for name, size in sizes.items()
    ]
    entry_of = dict(zip((row.pk for row in rows), [1, 1, 1, 2, 1], strict=True))
    shares = []
    contents = read_contents(ImageAsset.objects.all(), entry_of, shares.append)
    assert contents.keys() == {rows[0].pk, rows[1].pk}
    assert len(set(contents.values())) == 1
    assert shares[-1] == 100
