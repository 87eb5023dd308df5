"""Files, read and written by libkvox-io. Formats go by the extension of the path."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi, arrays
from .context import Context, Handle, choose, default_context, integer
from .ct import Geometry
from .ct.geometry import no_center
from .errors import Error, Status
from .picture import WINDOWS
from .volume import Volume

Path = str | os.PathLike[str]


def read_volume(path: Path, *, context: Context | None = None) -> Volume:
    """Reads .npy (spacing 1, centred), .mha or .mhd. The samples keep the type that they have in the file."""
    context = context or default_context()
    return Volume._made_by(context, _abi.io().kvox_io_read_volume, context, _bytes(path))


def write_volume(
    path: Path,
    volume: Volume | npt.ArrayLike,
    *,
    compress: bool = False,
    slice: int | None = None,
    window: tuple[float, float] | None = None,
    function: str = "linear",
    bits: int = 8,
    context: Context | None = None,
) -> None:
    """Writes .npy, .mha, .mhd (with its data beside it), or one slice as .png. The file appears whole or not at all.

    compress:                .mha and .mhd: with zlib.
    slice:                   .png: which slice; None: the middle one.
    window, function, bits:  .png: (centre, width), None: from the data; as for kvox.picture.window.
    """
    volume = volume if isinstance(volume, Volume) else Volume(volume, context=context)
    if slice is not None and slice < 0:
        raise Error(Status.ERROR_ARGUMENT, f"slice is {slice}, must be at least 0, or None for the middle one")
    options = _abi.IoWriteOptions(
        compress=bool(compress),
        slice=-1 if slice is None else integer("slice", slice),
        window_function=choose("function", function, WINDOWS),
        bits=integer("bits", bits, 32),
    )
    if window is not None:
        options.window_center, options.window_width = map(float, window)
        if options.window_width == 0:
            raise Error(Status.ERROR_ARGUMENT, "window's width is 0, must be positive")
    _abi.io().kvox_io_write_volume(context or volume.context, _bytes(path), volume, options)


class _IoArray(Handle):
    def __init__(self, path: Path, context: Context) -> None:
        io = _abi.io()
        self._adopt(
            _abi.IoArray, io.kvox_io_array_destroy, io.kvox_io_read_array, context, _bytes(path), keep=(context,)
        )


def read_array(path: Path, *, context: Context | None = None) -> npt.NDArray[Any]:
    """Reads .npy of any rank up to 8, or .png (u8 or u16 [row, column], or u8 [row, column, 3])."""
    read = _IoArray(path, context or default_context())
    return arrays.view(_abi.io().kvox_io_array_view(read).contents, read._owner)


def write_array(path: Path, array: npt.ArrayLike, *, context: Context | None = None) -> None:
    """Writes .npy, or .png (u8 or u16 [row, column], or u8 [row, column, 3])."""
    given = arrays.as_array(array)
    _abi.io().kvox_io_write_array(context or default_context(), _bytes(path), arrays.describe(given))


class _IoScan(Handle):
    def __init__(self, path: Path, context: Context) -> None:
        io = _abi.io()
        self._adopt(_abi.IoScan, io.kvox_io_scan_destroy, io.kvox_io_read_scan, context, _bytes(path), keep=(context,))


@dataclass(frozen=True)
class Scan:
    """A scan as it lies in a file.

    projections:  [view, row, column].
    flat, dark:   [frame, row, column]; None: none in the file.
    angles_deg:   one a view; None: none in the file.
    """

    projections: npt.NDArray[Any]
    flat: npt.NDArray[Any] | None = None
    dark: npt.NDArray[Any] | None = None
    angles_deg: npt.NDArray[np.float64] | None = None


def read_scan(path: Path, *, context: Context | None = None) -> Scan:
    """Reads .npy or .mha ([view, row, column]), or DXchange HDF5 (.h5, .hdf5) with its flat, dark and angles."""
    io = _abi.io()
    read = _IoScan(path, context or default_context())

    def frames(described: Any) -> npt.NDArray[Any] | None:
        return arrays.view(described.contents, read._owner) if described else None

    projections = arrays.view(io.kvox_io_scan_projections(read).contents, read._owner)
    angles = io.kvox_io_scan_angles_deg(read)
    return Scan(
        projections,
        frames(io.kvox_io_scan_flat(read)),
        frames(io.kvox_io_scan_dark(read)),
        np.ctypeslib.as_array(angles, (len(projections),)).copy() if angles else None,
    )


def write_scan(
    path: Path,
    projections: npt.ArrayLike,
    flat: npt.ArrayLike | None = None,
    dark: npt.ArrayLike | None = None,
    angles_deg: npt.ArrayLike | None = None,
    *,
    context: Context | None = None,
) -> None:
    """Writes DXchange HDF5 (.h5, .hdf5), or the projections alone as .npy."""
    given = [None if array is None else arrays.as_array(array, 3) for array in (projections, flat, dark)]
    described = [None if array is None else arrays.describe(array) for array in given]
    angles = None if angles_deg is None else arrays.doubles(angles_deg, "angles_deg", len(given[0]))  # type: ignore[arg-type]
    _abi.io().kvox_io_write_scan(
        context or default_context(), _bytes(path), *described, None if angles is None else arrays.pointer(angles)
    )


def read_geometry(path: Path, *, center_px: float | None = None, context: Context | None = None) -> Geometry:
    """Reads a geometry file (JSON); ``center_px`` replaces the column of the axis."""
    context = context or default_context()
    center = None if center_px is None else ctypes.c_double(center_px)
    return Geometry._made_by(
        context,
        lambda column: read_geometry(path, center_px=column, context=context),
        _abi.io().kvox_io_read_ct_geometry,
        context,
        _bytes(path),
        center,
    )


def write_geometry(path: Path, geometry: Geometry, *, context: Context | None = None) -> None:
    """Writes a geometry file (JSON)."""
    _abi.io().kvox_io_write_ct_geometry(context or geometry.context, _bytes(path), geometry)


def read_rtk_geometry(
    path: Path,
    rows: int,
    columns: int,
    *,
    column_pitch_mm: float,
    row_pitch_mm: float | None = None,
    origin_mm: tuple[float, float] | None = None,
    context: Context | None = None,
) -> Geometry:
    """Reads RTK's XML. RTK turns about its y axis: its (x, y, z) is (x, -z, y) here.

    rows, columns, pitches:  of the projection images, which tell them in RTK.
    row_pitch_mm:            None: as column_pitch_mm.
    origin_mm:               where pixel (0, 0) is along columns and rows, the images' origin; None: they are centred.
    """
    context = context or default_context()
    row_pitch = column_pitch_mm if row_pitch_mm is None else row_pitch_mm
    if origin_mm is None:
        origin_mm = (-0.5 * (columns - 1) * column_pitch_mm, -0.5 * (rows - 1) * row_pitch)
        detector = _detector(rows, columns, column_pitch_mm, row_pitch)
    else:
        detector = _detector(rows, columns, column_pitch_mm, row_pitch)
        detector.has_origin = 1
        detector.origin_mm[:] = [float(place) for place in origin_mm]

    def with_center(center: float) -> Geometry:
        """The image moved along its columns until the axis is there."""
        moved = origin_mm[0] + (made.center_px - center) * column_pitch_mm
        return read_rtk_geometry(
            path,
            rows,
            columns,
            column_pitch_mm=column_pitch_mm,
            row_pitch_mm=row_pitch,
            origin_mm=(moved, origin_mm[1]),
            context=context,
        )

    made = Geometry._made_by(context, with_center, _abi.io().kvox_io_read_rtk_geometry, context, _bytes(path), detector)
    return made


def write_rtk_geometry(path: Path, geometry: Geometry, *, context: Context | None = None) -> None:
    """Writes RTK's XML, for projection images of the geometry's pitch whose middle is at (0, 0) mm."""
    _abi.io().kvox_io_write_rtk_geometry(context or geometry.context, _bytes(path), geometry)


def read_matrices(
    path: Path, rows: int, columns: int, *, column_pitch_mm: float, context: Context | None = None
) -> Geometry:
    """Reads projection matrices, as :meth:`Geometry.from_matrices` takes them: .npy [view, 3, 4], or text of 12 numbers
    a view in any lines, with comments from # on."""
    context = context or default_context()
    return Geometry._made_by(
        context,
        no_center,
        _abi.io().kvox_io_read_ct_matrices,
        context,
        _bytes(path),
        _detector(rows, columns, column_pitch_mm, 0.0),
    )


def write_matrices(path: Path, geometry: Geometry, *, context: Context | None = None) -> None:
    """Writes the projection matrix of every view, as .npy [view, 3, 4] or as text."""
    _abi.io().kvox_io_write_ct_matrices(context or geometry.context, _bytes(path), geometry)


def _detector(rows: int, columns: int, column_pitch_mm: float, row_pitch_mm: float) -> Any:
    return _abi.IoDetector(
        rows=integer("rows", rows),
        columns=integer("columns", columns),
        column_pitch_mm=float(column_pitch_mm),
        row_pitch_mm=float(row_pitch_mm),
    )


def _bytes(path: Path) -> bytes:
    """A path as C takes it."""
    name = os.fsencode(path)
    if b"\0" in name:
        raise Error(Status.ERROR_ARGUMENT, "the path holds a zero byte")
    return name
