"""Made-up hashes in any number with the statistics of photographs, near-copies among them.

A picture is a Gaussian field whose amplitude falls with frequency as 1/f^1.5, as in natural scenes, on a torus of
16 x 16 pixels. Its small hashes are those of `hashing.perceptual_hash`, taken from a window of 9 x 9 pixels. Its detail
hash is random: in those of different photographs, half of the bits differ too.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

SIDE = 16
CELLS = 8
SLOPE = 1.5
NEAR_COPIES = 0.05
MAX_FLIPPED_BITS = 6
DETAIL_WORDS = 4
CHUNK = 50_000


def generate_hashes(count: int, seed: int) -> tuple[Hashes, Hashes]:
    """Return `count` perceptual hashes and vertical ones; one row in twenty is a near-copy of an earlier row."""
    perceptual, vertical, _ = generate_fingerprints(count, seed)
    return perceptual, vertical


def generate_fingerprints(count: int, seed: int) -> tuple[Hashes, Hashes, Hashes]:
    """Return the hashes of `generate_hashes`, and detail hashes of four words each.

    A near-copy differs by 0 to 6 bits in each word. It takes twice the memory of the result, and 100 MB.
    """
    random = np.random.default_rng(seed)
    differences = _differences_of_noise()
    hashes = np.empty((count, 2 + DETAIL_WORDS), np.uint64)
    for start in range(0, count, CHUNK):
        chunk = hashes[start : start + CHUNK]
        noise = random.standard_normal((len(chunk), len(differences)), np.float32)
        chunk[:, :2] = np.packbits(noise @ differences > 0, axis=1).view(">u8")
        chunk[:, 2:] = random.integers(0, 2**64, (len(chunk), DETAIL_WORDS), np.uint64)
        _put_near_copies(hashes, start, len(chunk), random)
    perceptual, vertical, detail = hashes[:, 0], hashes[:, 1], hashes[:, 2:]
    return np.ascontiguousarray(perceptual), np.ascontiguousarray(vertical), np.ascontiguousarray(detail)


def generated_digest(number: int) -> str:
    """Return 64 hexadecimal characters that no other number has."""
    return hashlib.sha256(str(number).encode()).hexdigest()


@cache
def _differences_of_noise() -> npt.NDArray[np.float32]:
    """Return the matrix that turns white noise into the 64 + 64 differences that are compared with zero."""
    frequencies = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    frequencies[0, 0] = np.inf
    impulses = np.eye(SIDE * SIDE).reshape(-1, SIDE, SIDE)
    fields = np.fft.irfft2(np.fft.rfft2(impulses) * frequencies**-SLOPE, s=(SIDE, SIDE))
    across = np.diff(fields[:, :CELLS, : CELLS + 1], axis=2)
    down = np.diff(fields[:, : CELLS + 1, :CELLS], axis=1)
    both = np.hstack([across.reshape(-1, CELLS * CELLS), down.reshape(-1, CELLS * CELLS)])
    # White noise is isotropic, so 128 numbers a picture suffice instead of 256.
    return np.asarray(np.linalg.qr(both, mode="r"), np.float32)


def _put_near_copies(hashes: Hashes, start: int, length: int, random: np.random.Generator) -> None:
    """Overwrite some of the rows from `start` on."""
    copies = start + np.flatnonzero(random.random(length) < NEAR_COPIES)
    copies = copies[copies > 0]
    hashes[copies] = hashes[random.integers(copies)]
    for _ in range(MAX_FLIPPED_BITS):
        # With a probability of one half; a bit that is flipped twice is as it was.
        bits = random.integers(0, 2, (len(copies), hashes.shape[1]), np.uint64)
        hashes[copies] ^= bits << random.integers(0, 64, bits.shape, np.uint64)
