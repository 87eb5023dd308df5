"""Grids and volumes: samples with a frame, a unit and a provenance. World is LPS in millimetres."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi, arrays
from .context import Context, Handle, choose, default_context, integer
from .errors import Error, Status

Vector = tuple[float, float, float]
_UNITS = {
    "arbitrary": _abi.UNIT_ARBITRARY,
    "HU": _abi.UNIT_HU,
    "1/mm": _abi.UNIT_PER_MM,
    "1/pixel": _abi.UNIT_PER_PIXEL,
}


@dataclass(frozen=True)
class Grid:
    """Where voxels are: voxel (i, j, k) has its centre at origin + sum over a of axes[a] * spacing[a] * index[a].

    Sizes, spacings and axes are given as x, y, z; the numpy array of a volume is [k, j, i], x fastest. The axes are
    unit vectors that need not be orthogonal.
    """

    size: tuple[int, int, int]
    origin_mm: Vector
    spacing_mm: Vector = (1.0, 1.0, 1.0)
    axes: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    @classmethod
    def centered(
        cls, size: Sequence[int], spacing_mm: Sequence[float], center_mm: Sequence[float] = (0.0, 0.0, 0.0)
    ) -> Grid:
        """An upright grid whose middle is at ``center_mm``; size and spacing are x, y, z."""
        made = _abi.Grid()
        sizes = (ctypes.c_int64 * 3)(*whole_triple("size", size))
        _abi.lib.kvox_grid_init(made, sizes, as_doubles("spacing_mm", spacing_mm), as_doubles("center_mm", center_mm))
        return cls._of(made)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a volume's numpy array: z, y, x."""
        return (self.size[2], self.size[1], self.size[0])

    def index_to_world(self, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Indices [..., (i, j, k)], fractions allowed, to positions [..., (x, y, z)] in mm."""
        steps = np.asarray(self.axes) * np.asarray(self.spacing_mm)[:, None]
        return np.asarray(self.origin_mm) + np.asarray(index, np.float64) @ steps

    @classmethod
    def _of(cls, grid: _abi.Grid) -> Grid:
        axes = tuple(tuple(axis) for axis in grid.axes)
        return cls(tuple(grid.size), tuple(grid.origin_mm), tuple(grid.spacing_mm), axes)  # type: ignore[arg-type]

    def _c(self) -> _abi.Grid:
        return _abi.Grid(
            size=whole_triple("size", self.size),
            origin_mm=triple("origin_mm", self.origin_mm),
            spacing_mm=triple("spacing_mm", self.spacing_mm),
            axes=tuple(triple("axes", axis) for axis in self.axes),
        )


def triple(name: str, numbers: Sequence[float]) -> Vector:
    """x, y, z as floats; ctypes would take fewer and put zeros."""
    x, y, z = _three(name, numbers)
    return float(x), float(y), float(z)


def whole_triple(name: str, numbers: Sequence[int]) -> tuple[int, int, int]:
    """x, y, z as whole numbers."""
    x, y, z = _three(name, numbers)
    return integer(name, x), integer(name, y), integer(name, z)


def _three(name: str, numbers: Sequence[Any]) -> Sequence[Any]:
    if len(numbers) != 3:
        raise Error(Status.ERROR_SIZE, f"{name} has {len(numbers)} numbers, must be x, y, z")
    return numbers


def as_doubles(name: str, numbers: Sequence[float]) -> ctypes.Array[ctypes.c_double]:
    """x, y, z as a C array."""
    return (ctypes.c_double * 3)(*triple(name, numbers))


UNITS = list(_UNITS)


class Volume(Handle):
    """Samples on a grid.

    array:       numpy array [k, j, i] (z, y, x), or a DeviceArray; of rank 2: one slice. Used in place where its type
                 is one of Kvox's.
    grid:        a Grid of the array's size; None: the one of ``spacing_mm`` about the world's origin.
    unit:        "HU", "1/mm", "1/pixel" or "arbitrary".
    """

    def __init__(
        self,
        array: npt.ArrayLike | arrays.DeviceArray,
        grid: Grid | None = None,
        *,
        spacing_mm: Sequence[float] = (1.0, 1.0, 1.0),
        unit: str = "arbitrary",
        context: Context | None = None,
    ) -> None:
        samples = arrays.as_array(array)
        if samples.ndim == 2:
            samples = samples[None]
        if grid is None:
            grid = Grid.centered(samples.shape[::-1], spacing_mm)
        lib = _abi.lib
        self.context = context or (samples.context if isinstance(samples, arrays.DeviceArray) else default_context())
        self._array = samples
        described = arrays.describe(samples)
        self._adopt(
            _abi.Volume,
            lib.kvox_volume_destroy,
            lib.kvox_volume_wrap,
            self.context,
            described,
            grid._c(),
            keep=(self.context, samples),
        )
        self.unit = unit

    @classmethod
    def zeros(
        cls, grid: Grid, dtype: npt.DTypeLike = np.float32, context: Context | None = None, *, device: bool = False
    ) -> Volume:
        """A volume of zeros; ``device``: in the memory of the context's OpenCL device."""
        if device:
            context = context or default_context()
            number = arrays.kvox_type(dtype)
            return cls._made_by(context, _abi.lib.kvox_volume_create_device, context, number, grid._c())
        return cls(np.zeros(grid.shape, dtype), grid, context=context)

    @classmethod
    def _made_by(cls, context: Context, make: Any, *arguments: Any) -> Volume:
        """The volume that ``make(*arguments, &volume)`` makes, memory and all."""
        self = cls.__new__(cls)
        self.context = context
        self._adopt(_abi.Volume, _abi.lib.kvox_volume_destroy, make, *arguments, keep=(context,))
        described = _abi.Array()
        _abi.lib.kvox_volume_array(self, described)
        # The view holds what owns the memory, which is not this object: no circle keeps a volume alive.
        if described.buffer:
            self._array = arrays.DeviceArray._view(described, self._owner, context)
        else:
            self._array = arrays.view(described, self._owner)
        return self

    @property
    def array(self) -> Any:
        """The samples [k, j, i], without a copy: numpy's, or a DeviceArray; the view keeps their memory alive."""
        return self._array

    @property
    def location(self) -> str:
        """Where the samples lie: "host" or "opencl"."""
        return "opencl" if isinstance(self._array, arrays.DeviceArray) else "host"

    def to_host(self) -> Volume:
        """The same volume with its samples in the host's memory: itself where they are."""
        return self if self.location == "host" else self._like(self._array.to_host(), self.context)

    def to_device(self, context: Context | None = None) -> Volume:
        """A copy whose samples lie on the device of ``context``; None: the volume's own."""
        context = context or self.context
        return self._like(arrays.to_device(self.to_host().array, context), context)

    def _like(self, array: Any, context: Context) -> Volume:
        made = Volume(array, self.grid, unit=self.unit, context=context)
        made.slice_origins_mm, made.provenance = self.slice_origins_mm, self.provenance
        return made

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy:
            return np.array(self._array, dtype)
        if copy is False and dtype is not None and np.dtype(dtype) != self._array.dtype:
            raise ValueError(f"the samples are {self._array.dtype}: another type needs a copy")
        return np.asarray(self._array, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the numpy array: z, y, x."""
        return self._array.shape

    @property
    def grid(self) -> Grid:
        """Where the voxels are."""
        grid = _abi.Grid()
        _abi.lib.kvox_volume_grid(self, grid)
        return Grid._of(grid)

    @grid.setter
    def grid(self, grid: Grid) -> None:
        _abi.lib.kvox_volume_set_grid(self, grid._c())

    @property
    def slice_origins_mm(self) -> npt.NDArray[np.float64] | None:
        """One origin a slice, [k, (x, y, z)], of tilted and unevenly spaced stacks; None: an even stack."""
        origins = _abi.lib.kvox_volume_slice_origins(self)
        return np.ctypeslib.as_array(origins, (self.shape[0], 3)).copy() if origins else None

    @slice_origins_mm.setter
    def slice_origins_mm(self, origins: npt.ArrayLike | None) -> None:
        if origins is None:
            _abi.lib.kvox_volume_set_slice_origins(self, None)
            return
        flat = arrays.doubles(np.asarray(origins, np.float64).reshape(-1), "slice_origins_mm", 3 * self.shape[0])
        _abi.lib.kvox_volume_set_slice_origins(self, arrays.pointer(flat))

    @property
    def unit(self) -> str:
        """What the samples are: "HU", "1/mm", "1/pixel" or "arbitrary"."""
        return UNITS[_abi.lib.kvox_volume_unit(self)]

    @unit.setter
    def unit(self, unit: str) -> None:
        _abi.lib.kvox_volume_set_unit(self, choose("unit", unit, _UNITS))

    @property
    def provenance(self) -> dict[str, Any]:
        """How the samples came to be (version, plan, backend, CPU level, ...); empty when nobody said."""
        text = _abi.lib.kvox_volume_provenance(self).decode()
        return json.loads(text) if text else {}

    @provenance.setter
    def provenance(self, provenance: Mapping[str, Any]) -> None:
        _abi.lib.kvox_volume_set_provenance(self, json.dumps(dict(provenance)).encode() if provenance else b"")

    def index_to_world(self, index: Sequence[float]) -> npt.NDArray[np.float64]:
        """Index (i, j, k), fractions allowed, to the position (x, y, z) in mm; follows slices' own origins."""
        world = np.empty(3)
        _abi.lib.kvox_volume_index_to_world(self, as_doubles("index", index), arrays.pointer(world))
        return world

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.grid.size))
        return f"kvox.Volume({size} {self._array.dtype}, unit={self.unit!r})"


def grid_of(grid: Grid | Volume) -> Grid:
    """A grid, or the one of a volume."""
    return grid.grid if isinstance(grid, Volume) else grid


def output_volume(out: Volume | npt.NDArray[Any] | arrays.DeviceArray | None, grid: Grid, context: Context) -> Volume:
    """The f32 volume that a call writes to: a new one, the caller's, or one round the caller's array."""
    if out is None:
        return Volume(np.empty(grid.shape, np.float32), grid, context=context)
    if isinstance(out, Volume):
        arrays.describe_output(out.array, "out")
        return out
    arrays.describe_output(out, "out")
    return Volume(out, context=context)
