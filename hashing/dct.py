"""The lowest frequencies of a picture: a discrete cosine transform (DCT-II) in whole numbers.

The cosines are rounded to multiples of 2 ** -16. All sums then stay below 2 ** 53, so that doubles hold them exactly,
in whatever order a processor or a BLAS adds them, and no bit of a hash depends on either.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hashing.grid import SQUARE_SIDE, Cells

FREQUENCIES = 16
COSINE_SCALE = 1 << 16

_COSINES = np.array(
    [
        [
            float(round(COSINE_SCALE * math.cos(math.pi * frequency * (2 * cell + 1) / (2 * SQUARE_SIDE))))
            for cell in range(SQUARE_SIDE)
        ]
        for frequency in range(FREQUENCIES)
    ]
)


def low_frequency_bits(square: Cells) -> npt.NDArray[np.bool_]:
    """Which of the 16 x 16 lowest frequencies of the square grid are above their median.

    Vertical frequencies rise from row to row and horizontal ones from column to column. The first of all, the mean
    grey level, counts among them.
    """
    frequencies = _COSINES @ square.astype(np.float64) @ _COSINES.T
    half = frequencies.size // 2
    below, above = np.partition(frequencies, (half - 1, half), axis=None)[half - 1 : half + 1]
    above_median: npt.NDArray[np.bool_] = 2 * frequencies > below + above
    return above_median
