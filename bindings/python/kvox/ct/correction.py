"""Raw counts: offset, gain, bad pixels, the logarithm; and where the axis is."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..context import Context, Handle, default_context, text_of
from ..errors import Error, Status
from ..plan import Float32, output_array
from .geometry import Geometry, as_geometry, known


class Correction(Handle):
    """What each pixel of a detector needs: offset, gain, and neighbours in place of bad pixels.

    flat, dark:    frames with and without the beam, [frame, row, column] or [row, column], averaged; dark None: zero.
    bad_pixels:    [row, column], not zero: bad; None: found from flat <= dark alone.
    least_counts:  counts above dark are clamped to this; None: 1.
    """

    def __init__(
        self,
        flat: npt.ArrayLike,
        dark: npt.ArrayLike | None = None,
        bad_pixels: npt.ArrayLike | None = None,
        least_counts: float | None = None,
        *,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.context = context or default_context()
        given = [
            None if frames is None else np.atleast_2d(arrays.as_array(frames)) for frames in (flat, dark, bad_pixels)
        ]
        described = [None if frames is None else ctypes.pointer(arrays.describe(frames)) for frames in given]
        options = _abi.CtCorrectionOptions(
            flat=described[0],
            dark=described[1],
            bad_pixels=described[2],
            least_counts=known("least_counts", least_counts),
        )
        self._adopt(
            _abi.CtCorrection,
            lib.kvox_ct_correction_destroy,
            lib.kvox_ct_correction_create,
            self.context,
            options,
            keep=(self.context,),
        )

    @property
    def bad_pixels(self) -> int:
        """How many pixels are taken from their neighbours."""
        return _abi.lib.kvox_ct_correction_bad_pixels(self)

    def __call__(self, counts: npt.ArrayLike, *, out: Float32 | None = None) -> Float32:
        """Counts to line integrals, p = log((flat - dark) / max(count - dark, least)): f32 of the same shape."""
        given = arrays.as_array(counts)
        result = output_array(out, given.shape, np.float32)
        rows = [array[:, None, :] if array.ndim == 2 else array for array in (given, result)]
        described = arrays.describe_output(rows[1], "out")
        _abi.lib.kvox_ct_correct(self.context, self, arrays.describe(rows[0]), described)
        return result


def correct(
    counts: npt.ArrayLike,
    flat: npt.ArrayLike,
    dark: npt.ArrayLike | None = None,
    bad_pixels: npt.ArrayLike | None = None,
    least_counts: float | None = None,
    *,
    out: Float32 | None = None,
    context: Context | None = None,
) -> Float32:
    """Counts [view, row, column] to line integrals, f32 of the same shape; the arguments are those of Correction."""
    return Correction(flat, dark, bad_pixels, least_counts, context=context)(counts, out=out)


def as_correction(
    correction: Correction | None,
    flat: npt.ArrayLike | None,
    dark: npt.ArrayLike | None,
    bad_pixels: npt.ArrayLike | None,
    context: Context,
) -> Correction | None:
    """A correction as it was given: whole, as frames, or not at all (the projections are line integrals)."""
    frames = (flat, dark, bad_pixels)
    if correction is not None:
        if any(array is not None for array in frames):
            raise Error(Status.ERROR_ARGUMENT, "correction is given, flat, dark and bad_pixels must then be None")
        return correction
    if flat is None:
        if any(array is not None for array in frames):
            raise Error(Status.ERROR_ARGUMENT, "flat is None, must be given where dark or bad_pixels are")
        return None
    return Correction(flat, dark, bad_pixels, context=context)


def find_center(
    projections: npt.ArrayLike,
    geometry: Geometry | npt.ArrayLike | None,
    *,
    correction: Correction | None = None,
    flat: npt.ArrayLike | None = None,
    dark: npt.ArrayLike | None = None,
    bad_pixels: npt.ArrayLike | None = None,
    context: Context | None = None,
) -> float:
    """The column that the rotation axis projects to, found in the data (Vo et al. 2014; Azevedo et al. 1990).

    Needs at least 180 degrees less one step; with unequal steps the object must lie inside the detector. ``geometry``
    may be the angles in degrees; its own offset is not used. With raw counts give a correction or its frames.
    """
    given = arrays.as_array(projections, 3)
    geometry = as_geometry(geometry, given.shape, context)
    context = context or geometry.context
    correction = as_correction(correction, flat, dark, bad_pixels, context)
    center = ctypes.c_double()
    _abi.lib.kvox_ct_find_center(context, geometry, correction, arrays.describe(given), center)
    return center.value


def check(
    projections: npt.ArrayLike,
    geometry: Geometry | npt.ArrayLike | None,
    *,
    correction: Correction | None = None,
    flat: npt.ArrayLike | None = None,
    dark: npt.ArrayLike | None = None,
    bad_pixels: npt.ArrayLike | None = None,
    context: Context | None = None,
) -> str:
    """How well projections fit a geometry, in words; an Error where they fit another clearly better, or fit badly.

    Opposite rays and moments are compared: they tell a wrong direction of the angles, flipped columns or rows, a wrong
    column offset, detector distance or angular step, but no mirror image. The arguments are those of find_center.
    """
    given = arrays.as_array(projections, 3)
    geometry = as_geometry(geometry, given.shape, context)
    context = context or geometry.context
    correction = as_correction(correction, flat, dark, bad_pixels, context)

    def write(text: Any, size: int) -> int:
        length = ctypes.c_size_t()
        described = arrays.describe(given)
        _abi.lib.kvox_ct_data_check(context, geometry, correction, described, text, size, length, None)
        return length.value

    return text_of(write)
