"""How much a picture gives a difference hash to hold on to.

A blank page, a logo on white and a plain gradient all have a hash, and share it with thousands of others. Two
shares tell them from photographs, and the lower one is the quality:

contrast
    of all neighbouring cells, how many differ visibly, measured by the strongest differences of the picture: beside
    the edge of a logo, what resampling leaves in the flat areas is nothing. Large areas of one colour bring it down.
structure
    of all runs of four cells, how many are no smooth shading. The third difference of any linear or quadratic
    course is nothing but rounding, so plain gradients bring it down.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# In grey levels: what rounding and JPEG noise leave between cells of one colour stays below it.
VISIBLE_DIFFERENCE = 2
# As a share of a strong difference, one that nine in ten do not reach: ripples beside an edge stay below it.
VISIBLE_SHARE = 0.08
# Third differences up to the first are rounding, from the second on they count in full.
ROUNDING, FULL_STRUCTURE = 1, 4


def measure_quality(wide: npt.NDArray[np.uint8], tall: npt.NDArray[np.uint8]) -> int:
    """0 (blank) to 100, from the grid whose rows are compared and the grid whose columns are."""
    steps = _differences(wide, tall, 1)
    strong = np.sort(steps)[len(steps) * 9 // 10]
    visible = max(VISIBLE_DIFFERENCE, VISIBLE_SHARE * strong)
    contrast = np.mean(steps >= visible)
    roughness = (_differences(wide, tall, 3) - ROUNDING) / (FULL_STRUCTURE - ROUNDING)
    structure = np.mean(np.clip(roughness, 0, 1))
    return round(100 * float(min(contrast, structure)))


def _differences(wide: npt.NDArray[np.uint8], tall: npt.NDArray[np.uint8], order: int) -> npt.NDArray[np.int16]:
    along_rows = np.diff(wide.astype(np.int16), n=order, axis=1)
    along_columns = np.diff(tall.astype(np.int16), n=order, axis=0)
    differences: npt.NDArray[np.int16] = np.abs(np.concatenate([along_rows.ravel(), along_columns.ravel()]))
    return differences
