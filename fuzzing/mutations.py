from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from fuzzing.containers import CONTAINERS, Parts
from fuzzing.seeds import seed_files

# Numbers at which lengths, counts, sizes and offsets go wrong.
LIMITS = (
    0,
    1,
    2,
    3,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
MAX_COPIES = 40
MAX_STEPS = 3


def mutated_file(seed: int) -> tuple[str, bytes]:
    """Return the format of a valid file, and its content changed in one to three ways that follow from `seed`."""
    random = Random(seed)
    name, content = random.choice(seed_files())
    for _step in range(random.randint(1, MAX_STEPS)):
        content = mutated(name, content, random)
    return name, content


def mutated(name: str, content: bytes, random: Random) -> bytes:
    if random.random() < 0.7:
        take_apart, put_together = CONTAINERS[name]
        try:
            parts = take_apart(content)
        # An earlier step has left nothing that can be taken apart.
        except (IndexError, struct.error):
            parts = []
        if parts:
            return put_together(random.choice(PART_MUTATIONS)(parts, random))
    return random.choice(BYTE_MUTATIONS)(content, random)


def drop_part(parts: Parts, random: Random) -> Parts:
    at = random.randrange(len(parts))
    return parts[:at] + parts[at + 1 :] or parts


def repeat_part(parts: Parts, random: Random) -> Parts:
    at = random.randrange(len(parts))
    return parts[:at] + [parts[at]] * random.randint(2, MAX_COPIES) + parts[at + 1 :]


def exchange_parts(parts: Parts, random: Random) -> Parts:
    one, other = random.randrange(len(parts)), random.randrange(len(parts))
    changed = list(parts)
    changed[one], changed[other] = changed[other], changed[one]
    return changed


def shuffle_parts(parts: Parts, random: Random) -> Parts:
    rest = parts[1:]
    random.shuffle(rest)
    return [*parts[:1], *rest]


def change_number_of_part(parts: Parts, random: Random) -> Parts:
    """Set a number in the first bytes of a part, where its length, count, size or offset is."""
    at = random.randrange(len(parts))
    return [*parts[:at], with_number(parts[at], random, reach=24), *parts[at + 1 :]]


def change_content_of_part(parts: Parts, random: Random) -> Parts:
    at = random.randrange(len(parts))
    return [*parts[:at], random.choice(BYTE_MUTATIONS)(parts[at], random), *parts[at + 1 :]]


def insert_foreign_part(parts: Parts, random: Random) -> Parts:
    name, content = random.choice(seed_files())
    foreign = CONTAINERS[name][0](content)
    at = random.randrange(len(parts) + 1)
    return [*parts[:at], random.choice(foreign), *parts[at:]]


def flip_bytes(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _flip in range(random.randint(1, 8) if changed else 0):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def cut_off(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def repeat_bytes(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    end = min(len(content), start + random.randint(1, 64))
    return content[:end] + content[start:end] * random.randint(1, MAX_COPIES) + content[end:]


def remove_bytes(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start + random.randint(1, 64) :]


def with_number(content: bytes, random: Random, reach: int | None = None) -> bytes:
    size, order = random.choice((1, 2, 4)), random.choice(("big", "little"))
    last = min(len(content), reach or len(content)) - size
    if last < 0:
        return content
    at = random.randint(0, last)
    number = random.choice(LIMITS) & (1 << 8 * size) - 1
    return content[:at] + number.to_bytes(size, "little" if order == "little" else "big") + content[at + size :]


PART_MUTATIONS: tuple[Callable[[Parts, Random], Parts], ...] = (
    drop_part,
    repeat_part,
    exchange_parts,
    shuffle_parts,
    change_number_of_part,
    change_number_of_part,
    change_content_of_part,
    insert_foreign_part,
)
BYTE_MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    flip_bytes,
    cut_off,
    repeat_bytes,
    remove_bytes,
    with_number,
    with_number,
)
