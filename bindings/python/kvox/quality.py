"""How good a picture is: error, similarity, sharpness, noise, uniformity. Images are arrays or volumes, sums in double.

Centres and radii are in pixels; a centre is (i, j), along the last and the last but one index. Where an image of rank
2 is wanted, a volume of one slice will do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi, arrays
from .context import Context, default_context, integer
from .volume import Volume

Image = Volume | npt.ArrayLike
Float64 = npt.NDArray[np.float64]


def rmse(image: Image, truth: Image, mask: npt.ArrayLike | None = None) -> float:
    """Root mean square error, over the elements where ``mask`` (same shape) is not zero."""
    a, b, m = arrays.as_array(image), arrays.as_array(truth), _mask(mask)
    error = ctypes.c_double()
    _abi.lib.kvox_quality_rmse(arrays.describe(a), arrays.describe(b), m and m[1], error)
    return error.value


def psnr(image: Image, truth: Image, peak: float, mask: npt.ArrayLike | None = None) -> float:
    """Peak signal to noise ratio in dB: 20 log10(peak / rmse)."""
    a, b, m = arrays.as_array(image), arrays.as_array(truth), _mask(mask)
    ratio = ctypes.c_double()
    _abi.lib.kvox_quality_psnr(arrays.describe(a), arrays.describe(b), m and m[1], float(peak), ratio)
    return ratio.value


def ssim(image: Image, truth: Image, range: float, *, context: Context | None = None) -> float:
    """Structural similarity (Wang et al. 2004) of two 2D images with a dynamic range of ``range``."""
    a, b = _plane(image), _plane(truth)
    similarity = ctypes.c_double()
    context = context or default_context()
    _abi.lib.kvox_quality_ssim(context, arrays.describe(a), arrays.describe(b), float(range), similarity)
    return similarity.value


def statistics(image: Image, mask: npt.ArrayLike | None = None) -> tuple[float, float]:
    """Mean and standard deviation, over the elements where ``mask`` is not zero."""
    a, m = arrays.as_array(image), _mask(mask)
    mean, deviation = ctypes.c_double(), ctypes.c_double()
    _abi.lib.kvox_quality_statistics(arrays.describe(a), m and m[1], mean, deviation)
    return mean.value, deviation.value


def mtf_edge(
    image: Image,
    center_px: Sequence[float],
    radius_px: float,
    band_px: float = 5.0,
    count: int = 65,
    *,
    context: Context | None = None,
) -> Float64:
    """Modulation from a disc's edge, at ``count`` frequencies from 0 to 1 cycle a pixel."""
    a, curve = _plane(image), np.empty(max(integer("count", count, 32), 0))
    _abi.lib.kvox_quality_mtf_edge(
        context or default_context(),
        arrays.describe(a),
        _pair("center_px", center_px),
        float(radius_px),
        float(band_px),
        arrays.pointer(curve),
        count,
    )
    return curve


def mtf_wire(
    image: Image,
    center_px: Sequence[float],
    radius_px: float,
    count: int = 65,
    *,
    context: Context | None = None,
) -> Float64:
    """Modulation from a thin wire, at ``count`` frequencies from 0 to 1 cycle a pixel."""
    a, curve = _plane(image), np.empty(max(integer("count", count, 32), 0))
    _abi.lib.kvox_quality_mtf_wire(
        context or default_context(),
        arrays.describe(a),
        _pair("center_px", center_px),
        float(radius_px),
        arrays.pointer(curve),
        count,
    )
    return curve


def mtf_frequency(mtf: npt.ArrayLike, level: float) -> float:
    """The frequency in cycles a pixel where a curve first falls to ``level``."""
    curve = arrays.doubles(mtf, "mtf")
    frequency = ctypes.c_double()
    _abi.lib.kvox_quality_mtf_frequency(arrays.pointer(curve), curve.size, float(level), frequency)
    return frequency.value


def nps(image: Image, side_px: int, count: int = 33, *, context: Context | None = None) -> Float64:
    """Radial noise power spectrum in value^2 pixel^2, at ``count`` frequencies from 0 to half a cycle a pixel."""
    a, spectrum = _plane(image), np.empty(max(integer("count", count, 32), 0))
    _abi.lib.kvox_quality_nps(
        context or default_context(),
        arrays.describe(a),
        integer("side_px", side_px, 32),
        arrays.pointer(spectrum),
        count,
    )
    return spectrum


def uniformity(image: Image, center_px: Sequence[float], distance_px: float, region_px: float) -> tuple[float, Float64]:
    """The greatest difference of four regions' means from the centre's, and the means: centre, +x, +y, -x, -y."""
    a, means = _plane(image), np.empty(5)
    greatest = ctypes.c_double()
    _abi.lib.kvox_quality_uniformity(
        arrays.describe(a),
        _pair("center_px", center_px),
        float(distance_px),
        float(region_px),
        arrays.pointer(means),
        greatest,
    )
    return greatest.value, means


def region_error(image: Image, center_px: Sequence[float], region_px: float, expected: float) -> float:
    """The mean of a round region minus the expected value."""
    a = _plane(image)
    error = ctypes.c_double()
    _abi.lib.kvox_quality_region_error(
        arrays.describe(a), _pair("center_px", center_px), float(region_px), float(expected), error
    )
    return error.value


def _plane(image: Image) -> npt.NDArray[Any]:
    """An image of rank 2."""
    array = arrays.as_array(image)
    return array[0] if array.ndim == 3 and len(array) == 1 else array


def _mask(mask: npt.ArrayLike | None) -> tuple[npt.NDArray[np.uint8], _abi.Array] | None:
    """A mask of any type as u8, with its description."""
    if mask is None:
        return None
    array = np.asarray(mask)
    picked = array if array.dtype == np.uint8 else (array != 0).view(np.uint8)
    return picked, arrays.describe(picked)


def _pair(name: str, numbers: Sequence[float]) -> ctypes.Array[ctypes.c_double]:
    return (ctypes.c_double * 2)(*arrays.doubles(numbers, name, 2))
