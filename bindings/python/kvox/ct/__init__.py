"""Computed tomography, from raw counts to volumes.

Projections are arrays [view, row, column] of u8, i8, u16, i16, u32, i32, f16, f32 or f64 with any strides;
[view, column] is one row. The rotation axis is +z; a parallel ray at angle b meets column s = x cos b + y sin b; the
source of a fan or cone stands at source_to_axis_mm (sin b, -cos b, 0). The axis projects to column (columns - 1) / 2 +
column_offset_px. Lengths are in mm, or in pixels where the detector's pitch is not known.
"""

from ..plan import MemoryUse
from .correction import Correction, check, correct, find_center
from .fbp import FBP, make_grid, reconstruct
from .geometry import Geometry, View
from .operator import Operator
from .ramp import Filter, filter, filters
from .simulation import add_noise, simulate
from .stream import Stream

__all__ = [
    "FBP",
    "Correction",
    "Filter",
    "Geometry",
    "MemoryUse",
    "Operator",
    "Stream",
    "View",
    "add_noise",
    "check",
    "correct",
    "filter",
    "filters",
    "find_center",
    "make_grid",
    "reconstruct",
    "simulate",
]
