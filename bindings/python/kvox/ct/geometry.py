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

#: How rays run, by the library's number.
BEAMS = ("parallel", "fan", "cone")


class View(NamedTuple):
    """One view of a scan. A parallel beam has the unit vector along its rays for a source; a fan's is that of z = 0."""

    angle_deg: float
    source_mm: Vector
    detector_mm: Vector
    column_step_mm: Vector
    row_step_mm: Vector


class Geometry(Handle):
    """How a scan was taken; immutable.

    Made by :meth:`parallel`, :meth:`fan`, :meth:`cone`, :meth:`from_views`, :meth:`from_matrices`, :meth:`from_astra`,
    or read by ``kvox.io.read_geometry``.
    """

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
        views, rows, columns = three(shape)
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
    def fan(
        cls,
        shape: Sequence[int],
        angles_deg: npt.ArrayLike | None = None,
        *,
        source_to_axis_mm: float,
        source_to_detector_mm: float,
        column_pitch_mm: float,
        row_pitch_mm: float | None = None,
        column_offset_px: float = 0.0,
        row_offset_px: float = 0.0,
        center_px: float | None = None,
        context: Context | None = None,
    ) -> Geometry:
        """A source and a flat detector on a circle; rows are planes ``row_pitch_mm`` apart, each with its source.

        shape:             of the projections: (views, rows, columns), or (views, columns) for one row.
        angles_deg:        one a view, in any order; None: equal steps from 0 over a full turn.
        column_pitch_mm:   on the detector.
        row_pitch_mm:      None: as column_pitch_mm.
        center_px:         the column that the axis projects to, instead of ``column_offset_px``.
        """
        return cls._diverging(
            _abi.lib.kvox_ct_geometry_create_fan,
            shape,
            angles_deg,
            source_to_axis_mm=source_to_axis_mm,
            source_to_detector_mm=source_to_detector_mm,
            column_pitch_mm=column_pitch_mm,
            row_pitch_mm=row_pitch_mm,
            column_offset_px=column_offset_px,
            row_offset_px=row_offset_px,
            center_px=center_px,
            context=context,
        )

    @classmethod
    def cone(
        cls,
        shape: Sequence[int],
        angles_deg: npt.ArrayLike | None = None,
        *,
        source_to_axis_mm: float,
        source_to_detector_mm: float,
        column_pitch_mm: float,
        row_pitch_mm: float | None = None,
        column_offset_px: float = 0.0,
        row_offset_px: float = 0.0,
        center_px: float | None = None,
        context: Context | None = None,
    ) -> Geometry:
        """A source and a flat detector on a circle about the axis; as :meth:`fan`, with one source for all rows."""
        return cls._diverging(
            _abi.lib.kvox_ct_geometry_create_cone,
            shape,
            angles_deg,
            source_to_axis_mm=source_to_axis_mm,
            source_to_detector_mm=source_to_detector_mm,
            column_pitch_mm=column_pitch_mm,
            row_pitch_mm=row_pitch_mm,
            column_offset_px=column_offset_px,
            row_offset_px=row_offset_px,
            center_px=center_px,
            context=context,
        )

    @classmethod
    def _diverging(
        cls,
        make: Any,
        shape: Sequence[int],
        angles_deg: npt.ArrayLike | None,
        *,
        row_pitch_mm: float | None,
        column_offset_px: float,
        center_px: float | None,
        context: Context | None,
        **lengths: float,
    ) -> Geometry:
        views, rows, columns = three(shape)
        if center_px is not None:
            column_offset_px = float(center_px) - 0.5 * (columns - 1)
        options = _abi.CtConeOptions(
            views=views,
            rows=rows,
            columns=columns,
            row_pitch_mm=known("row_pitch_mm", row_pitch_mm),
            column_offset_px=float(column_offset_px),
            angle_step_deg=360.0 / max(views, 1),
            **{name: float(value) for name, value in lengths.items()},
        )
        if angles_deg is not None:
            angles_deg = angles = arrays.doubles(angles_deg, "angles_deg", views).copy()
            options.angles_deg = arrays.pointer(angles)
        context = context or default_context()

        def again(center: float) -> Geometry:
            return cls._diverging(
                make,
                shape,
                angles_deg,
                row_pitch_mm=row_pitch_mm,
                column_offset_px=0.0,
                center_px=center,
                context=context,
                **lengths,
            )

        return cls._made_by(context, again, make, context, options)

    @classmethod
    def from_views(
        cls, views: Sequence[View], rows: int, columns: int, *, beam: str = "cone", context: Context | None = None
    ) -> Geometry:
        """Any views, all of a "cone" or all of a "parallel" beam; their ``angle_deg`` is not read, it follows."""
        described = (_abi.CtView * max(len(views), 1))()
        for i, view in enumerate(views):
            for name in ("source_mm", "detector_mm", "column_step_mm", "row_step_mm"):
                setattr(described[i], name, tuple(getattr(view, name)))
        context = context or default_context()
        make = _abi.lib.kvox_ct_geometry_create_views
        return cls._made_by(
            context,
            no_center,
            make,
            context,
            beam_number(beam),
            integer("rows", rows),
            integer("columns", columns),
            described,
            len(views),
        )

    @classmethod
    def from_matrices(
        cls,
        matrices: npt.ArrayLike,
        rows: int,
        columns: int,
        *,
        column_pitch_mm: float,
        context: Context | None = None,
    ) -> Geometry:
        """Projection matrices [view, 3, 4]: (x, y, z, 1) in mm to (w column, w row, w), of any scale and sign.

        How far the detector is they do not tell, ``column_pitch_mm`` does; the world's origin is before the source.
        """
        numbers = _twelves(matrices, "matrices", (3, 4))
        context = context or default_context()
        make = _abi.lib.kvox_ct_geometry_create_matrices
        return cls._made_by(
            context,
            no_center,
            make,
            context,
            integer("rows", rows),
            integer("columns", columns),
            float(column_pitch_mm),
            arrays.pointer(numbers),
            len(numbers),
        )

    @classmethod
    def from_astra(
        cls, vectors: npt.ArrayLike, rows: int, columns: int, *, beam: str = "cone", context: Context | None = None
    ) -> Geometry:
        """ASTRA's ``cone_vec`` vectors [view, 12], or with ``beam="parallel"`` those of ``parallel3d_vec``.

        ASTRA's projections are [row, view, column]: ``np.swapaxes(projections, 0, 1)`` turns one into the other.
        """
        numbers = _twelves(vectors, "vectors", (12,))
        context = context or default_context()
        make = _abi.lib.kvox_ct_geometry_from_astra
        return cls._made_by(
            context,
            no_center,
            make,
            context,
            beam_number(beam),
            integer("rows", rows),
            integer("columns", columns),
            arrays.pointer(numbers),
            len(numbers),
        )

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
    def beam(self) -> str:
        """ "parallel", "fan" or "cone"."""
        return BEAMS[_abi.lib.kvox_ct_geometry_beam(self)]

    @property
    def is_circular(self) -> bool:
        """Whether the views follow from their angles; False where each was given by itself."""
        return bool(_abi.lib.kvox_ct_geometry_is_circular(self))

    @property
    def distances_mm(self) -> tuple[float, float]:
        """From the source to the axis and to the detector; zeros for a parallel beam."""
        axis, detector = ctypes.c_double(), ctypes.c_double()
        _abi.lib.kvox_ct_geometry_distances(self, axis, detector)
        return axis.value, detector.value

    @property
    def pitch_mm(self) -> tuple[float, float] | None:
        """Of columns and rows on the detector; None where not known."""
        pitch = (ctypes.c_double * 2)()
        _abi.lib.kvox_ct_geometry_pitch(self, pitch)
        return (pitch[0], pitch[1]) if pitch[0] > 0 else None

    def matrix(self, index: int) -> npt.NDArray[np.float64]:
        """The 3 x 4 matrix of a view: (x, y, z, 1) in mm to (w column, w row, w), w the depth from the source in mm."""
        matrix = np.empty((3, 4))
        _abi.lib.kvox_ct_geometry_matrix(self, integer("index", index), arrays.pointer(matrix))
        return matrix

    def to_astra(self) -> npt.NDArray[np.float64]:
        """ASTRA's vectors [view, 12]: ``cone_vec``, or ``parallel3d_vec`` for a parallel beam."""
        vectors = np.empty((self.shape[0], 12))
        _abi.lib.kvox_ct_geometry_to_astra(self, arrays.pointer(vectors))
        return vectors

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
        """The grid used where none is given: columns x columns voxels of one pitch (at the axis), one slice a row."""
        grid = _abi.Grid()
        _abi.lib.kvox_ct_geometry_default_grid(self, grid)
        return Grid._of(grid)

    @property
    def weights_rad(self) -> npt.NDArray[np.float64]:
        """The angular weight of each view; they sum to pi over the half turn of a parallel beam, else to 2 pi."""
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
        shape = f"{views} views, {rows} rows, {columns} columns"
        return f"kvox.ct.Geometry({self.beam}, {shape}, axis at column {self.center_px:g})"


def three(shape: Sequence[int]) -> tuple[int, int, int]:
    """Views, rows and columns; two numbers are one row."""
    if len(shape) not in (2, 3):
        raise Error(Status.ERROR_SIZE, f"shape has {len(shape)} numbers, must be views, rows, columns")
    return whole_triple("shape", shape if len(shape) == 3 else (shape[0], 1, shape[1]))


def beam_number(beam: str) -> int:
    """The library's number of a beam."""
    if beam not in BEAMS:
        raise Error(Status.ERROR_ARGUMENT, f"beam is {beam!r}, must be one of {', '.join(BEAMS)}")
    return BEAMS.index(beam)


def _twelves(values: npt.ArrayLike, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """12 numbers a view, contiguous."""
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    if numbers.shape[1:] != shape or len(numbers) == 0:
        raise Error(Status.ERROR_SIZE, f"{name} has the shape {numbers.shape}, must be (views, {str(shape)[1:]}")
    return numbers


def no_center(center_px: float) -> Geometry:
    raise Error(Status.ERROR_UNSUPPORTED, "with_center: views that were given one by one have no common center")


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
