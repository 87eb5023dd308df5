"""Projections of phantoms, and what a detector makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..context import Context, default_context, unsigned
from ..phantom import Phantom
from ..plan import output_array
from .geometry import Geometry


def simulate(
    phantom: Phantom,
    geometry: Geometry,
    *,
    dtype: npt.DTypeLike = np.float32,
    out: npt.NDArray[Any] | None = None,
    context: Context | None = None,
) -> npt.NDArray[Any]:
    """Exact line integrals of a phantom through the middle of every pixel: f32 or f64 [view, row, column]."""
    out = output_array(out, geometry.shape, dtype)
    described = arrays.describe_output(out, "out")
    _abi.lib.kvox_ct_simulate(context or geometry.context, geometry, phantom, described)
    return out


def add_noise(
    projections: npt.ArrayLike,
    photons: float,
    seed: int = 0,
    *,
    out: npt.NDArray[Any] | None = None,
    context: Context | None = None,
) -> npt.NDArray[Any]:
    """Line integrals as a counting detector with ``photons`` a pixel in air would see them.

    n ~ Poisson(photons exp(-p)), then -log(max(n, 1) / photons). Returns an array of its own (f64 for f64, else f32),
    or ``out``, which may be ``projections`` itself. The same seed gives the same noise whatever the threads.
    """
    given = arrays.as_array(projections)
    out = output_array(out, given.shape, np.float64 if given.dtype == np.float64 else np.float32)
    described = arrays.describe_output(out, "out")
    if out is not projections:
        np.copyto(out, given, casting="same_kind")
    _abi.lib.kvox_ct_add_noise(context or default_context(), float(photons), unsigned("seed", seed), described)
    return out
