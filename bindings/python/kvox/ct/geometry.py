"""How a scan was taken."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..context import Context, Handle, default_context, integer, text_of
from ..errors import Error, Status
from ..volume import UNITS, Grid, Vector, whole_triple


class View(NamedTuple):
    """One view of a scan. The ray is a unit vector for a parallel beam."""

    angle_deg: float
    ray: Vector
    detector_mm: Vector
    column_step_mm: Vector
    row_step_mm: Vector


class Geometry(Handle):
    """How a scan was taken; immutable. Made by :meth:`parallel` or read by ``kvox.io.read_geometry``."""

    context: Context
    _with_center: Callable[[float], Geometry]

    @classmethod
    def parallel(
        cls,
        shape: Sequence[int],
        angles_deg: npt.ArrayLike | None = None,
        *,
        column_pitch_mm: float | None = None,
        row_pitch_mm: float | None = None,
        column_offset_px: float = 0.0,
        row_offset_px: float = 0.0,
        center_px: float | None = None,
        context: Context | None = None,
    ) -> Geometry:
        """A parallel beam.

        shape:             of the projections: (views, rows, columns), or (views, columns) for one row.
        angles_deg:        one a view, in any order; None: equal steps from 0 over half a turn.
        column_pitch_mm:   None: not known; lengths are then in pixels, attenuation in 1/pixel.
        row_pitch_mm:      None: as column_pitch_mm.
        center_px:         the column that the axis projects to, instead of ``column_offset_px``.
        """
        if len(shape) not in (2, 3):
            raise Error(Status.ERROR_SIZE, f"shape has {len(shape)} numbers, must be views, rows, columns")
        views, rows, columns = whole_triple("shape", shape if len(shape) == 3 else (shape[0], 1, shape[1]))
        if center_px is not None:
            column_offset_px = float(center_px) - 0.5 * (columns - 1)
        options = _abi.CtParallelOptions(
            views=views,
            rows=rows,
            columns=columns,
            column_pitch_mm=known("column_pitch_mm", column_pitch_mm),
            row_pitch_mm=known("row_pitch_mm", row_pitch_mm),
            column_offset_px=float(column_offset_px),
            row_offset_px=float(row_offset_px),
            angle_step_deg=180.0 / max(views, 1),
        )
        if angles_deg is not None:
            angles_deg = angles = arrays.doubles(angles_deg, "angles_deg", views).copy()
            options.angles_deg = arrays.pointer(angles)
        context = context or default_context()
        again = functools.partial(
            cls.parallel,
            shape,
            angles_deg,
            column_pitch_mm=column_pitch_mm,
            row_pitch_mm=row_pitch_mm,
            row_offset_px=row_offset_px,
            context=context,
        )
        make = _abi.lib.kvox_ct_geometry_create_parallel
        return cls._made_by(context, lambda center: again(center_px=center), make, context, options)

    @classmethod
    def _made_by(
        cls, context: Context, with_center: Callable[[float], Geometry], make: Any, *arguments: Any
    ) -> Geometry:
        self = cls.__new__(cls)
        self.context = context
        self._with_center = with_center
        self._adopt(_abi.CtGeometry, _abi.lib.kvox_ct_geometry_destroy, make, *arguments, keep=(context,))
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the projections: views, rows, columns."""
        shape = (ctypes.c_int64 * 3)()
        _abi.lib.kvox_ct_geometry_shape(self, shape)
        return shape[0], shape[1], shape[2]

    def view(self, index: int) -> View:
        """Where the ray, the detector's middle and its steps are in one view."""
        view = _abi.CtView()
        _abi.lib.kvox_ct_geometry_view(self, integer("index", index), view)
        return View(
            view.angle_deg,
            tuple(view.source_mm),
            tuple(view.detector_mm),
            tuple(view.column_step_mm),
            tuple(view.row_step_mm),
        )

    @property
    def angles_deg(self) -> npt.NDArray[np.float64]:
        """The angle of each view."""
        return np.array([self.view(i).angle_deg for i in range(self.shape[0])])

    @property
    def center_px(self) -> float:
        """The column that the rotation axis projects to."""
        return _abi.lib.kvox_ct_geometry_center_px(self)

    def with_center(self, center_px: float) -> Geometry:
        """The same geometry with the axis at another column."""
        return self._with_center(float(center_px))

    @property
    def unit(self) -> str:
        """What attenuation comes out in: "1/mm", or "1/pixel" where the pitch is not known."""
        return UNITS[_abi.lib.kvox_ct_geometry_unit(self)]

    @property
    def default_grid(self) -> Grid:
        """The grid used where none is given: columns x columns voxels of one pitch in a slice, one slice a row."""
        grid = _abi.Grid()
        _abi.lib.kvox_ct_geometry_default_grid(self, grid)
        return Grid._of(grid)

    @property
    def weights_rad(self) -> npt.NDArray[np.float64]:
        """The angular weight of each view; they sum to pi where the views cover the half circle."""
        weights = np.empty(self.shape[0])
        _abi.lib.kvox_ct_geometry_weights(self, arrays.pointer(weights))
        return weights

    def check(self, grid: Grid | None = None) -> str:
        """What this geometry can give on a grid, in words; an Error where reconstruction onto it is not valid."""

        def write(text: Any, size: int) -> int:
            length = ctypes.c_size_t()
            _abi.lib.kvox_ct_geometry_check(self, grid._c() if grid else None, text, size, length)
            return length.value

        return text_of(write)

    def __repr__(self) -> str:
        views, rows, columns = self.shape
        return f"kvox.ct.Geometry({views} views, {rows} rows, {columns} columns, axis at column {self.center_px:g})"


def known(name: str, length: float | None) -> float:
    """A length, or the library's 0 for one that is not known."""
    if length is None:
        return 0.0
    if float(length) == 0:
        raise Error(Status.ERROR_ARGUMENT, f"{name} is 0, must be positive, or None where it is not known")
    return float(length)


def as_geometry(geometry: Geometry | npt.ArrayLike | None, shape: tuple[int, ...], context: Context | None) -> Geometry:
    """A geometry, or the parallel beam of so many angles in degrees; None: equal steps over half a turn."""
    if isinstance(geometry, Geometry):
        return geometry
    return Geometry.parallel(shape, geometry, context=context)
