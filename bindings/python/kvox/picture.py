"""Grey values to grey levels."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi, arrays
from .context import Context, choose, default_context
from .errors import Error, Status
from .volume import Volume

WINDOWS = {
    "linear": _abi.WINDOW_LINEAR,
    "linear-exact": _abi.WINDOW_LINEAR_EXACT,
    "sigmoid": _abi.WINDOW_SIGMOID,
}


def window(
    image: Volume | npt.ArrayLike,
    center: float,
    width: float,
    function: str = "linear",
    *,
    bits: int = 8,
    context: Context | None = None,
) -> npt.NDArray[Any]:
    """Grey values to levels 0 to 255 (u8) or, with 16 bits, 0 to 65535 (u16), of the same shape.

    function: "linear", "linear-exact" or "sigmoid", as DICOM PS3.3 C.11.2.1 defines them. NaN becomes 0.
    """
    if bits not in (8, 16):
        raise Error(Status.ERROR_ARGUMENT, f"bits is {bits}, must be 8 or 16")
    number = choose("function", function, WINDOWS)
    given = arrays.as_array(image)
    levels = np.empty(given.shape, np.uint8 if bits == 8 else np.uint16)
    _abi.lib.kvox_picture_window(
        context or default_context(),
        arrays.describe(given),
        number,
        float(center),
        float(width),
        arrays.describe(levels),
    )
    return levels


def auto_window(
    image: Volume | npt.ArrayLike, low: float = 0.005, high: float = 0.995, *, context: Context | None = None
) -> tuple[float, float]:
    """Centre and width of the range between two quantiles of the finite samples."""
    given = arrays.as_array(image)
    center, width = ctypes.c_double(), ctypes.c_double()
    _abi.lib.kvox_picture_auto_window(
        context or default_context(), arrays.describe(given), float(low), float(high), center, width
    )
    return center.value, width.value
