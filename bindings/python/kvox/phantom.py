"""Phantoms: objects whose line integrals, k-space and voxel averages are known exactly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi, arrays
from .context import Context, Handle, default_context, integer
from .errors import Error, Status
from .volume import Grid, Volume, as_doubles


def names() -> dict[str, str]:
    """The name of every phantom, and a line about it with its source."""
    known: dict[str, str] = {}
    for index in itertools.count():
        name = _abi.lib.kvox_phantom_name(index)
        if name is None:
            return known
        known[name.decode()] = _abi.lib.kvox_phantom_description(index).decode()
    raise AssertionError


class Coils(Handle):
    """Coils whose sensitivities are sums over terms j of weights[coil, j] exp(2 pi i frequencies[j] . r), r in mm.

    frequencies: [term, (x, y, z)] in cycles per mm.
    weights:     [coil, term], complex.
    """

    def __init__(self, frequencies: npt.ArrayLike, weights: npt.ArrayLike, *, context: Context | None = None) -> None:
        waves = np.ascontiguousarray(frequencies, np.float64)
        factors = np.ascontiguousarray(weights, np.complex128)
        if waves.ndim != 2 or waves.shape[1] != 3 or factors.ndim != 2 or factors.shape[1] != waves.shape[0]:
            raise Error(
                Status.ERROR_SIZE,
                f"frequencies and weights have shapes {waves.shape} and {factors.shape}, must be [term, 3] and "
                "[coil, term]",
            )
        coils, terms = factors.shape
        self._make(
            _abi.lib.kvox_phantom_coils_create,
            context,
            coils,
            terms,
            arrays.pointer(waves),
            arrays.pointer(factors.view(np.float64)),
        )

    @classmethod
    def loops(
        cls, coils_of_ring: int, rings: int = 1, radius_mm: float = 1.0, *, context: Context | None = None
    ) -> Coils:
        """Loops round an object of that radius, in rings about z."""
        self = cls.__new__(cls)
        self._make(
            _abi.lib.kvox_phantom_coils_create_loops,
            context,
            integer("coils_of_ring", coils_of_ring, 64),
            integer("rings", rings, 64),
            float(radius_mm),
        )
        return self

    def _make(self, create: Any, context: Context | None, *arguments: Any) -> None:
        self.context = context or default_context()
        self._adopt(
            _abi.PhantomCoils,
            _abi.lib.kvox_phantom_coils_destroy,
            create,
            self.context,
            *arguments,
            keep=(self.context,),
        )

    def __len__(self) -> int:
        return _abi.lib.kvox_phantom_coils_count(self)

    def maps(self, grid: Grid) -> npt.NDArray[np.complex64]:
        """The sensitivities in the voxels of a grid: c64 [coil, z, y, x]."""
        made = np.empty((len(self), *grid.shape), np.complex64)
        _abi.lib.kvox_phantom_coil_maps(self, grid._c(), arrays.describe(made))
        return made

    def __repr__(self) -> str:
        return f"kvox.phantom.Coils({len(self)})"


class Phantom(Handle):
    """A phantom by name, scaled to lie within ``radius_mm`` of the axis, its values times ``density``."""

    def __init__(
        self, name: str, radius_mm: float = 1.0, density: float = 1.0, *, context: Context | None = None
    ) -> None:
        lib = _abi.lib
        self.name = name
        self.context = context or default_context()
        self._adopt(
            _abi.Phantom,
            lib.kvox_phantom_destroy,
            lib.kvox_phantom_create,
            self.context,
            name.encode(),
            float(radius_mm),
            float(density),
            keep=(self.context,),
        )

    def value(self, point_mm: Sequence[float]) -> float:
        """The value at a point (x, y, z)."""
        return _abi.lib.kvox_phantom_value(self, as_doubles("point_mm", point_mm))

    def line_integral(self, point_mm: Sequence[float], direction: Sequence[float]) -> float:
        """The integral along the whole line through a point with a direction (any length but 0), in value times mm; exact."""
        return _abi.lib.kvox_phantom_line_integral(
            self, as_doubles("point_mm", point_mm), as_doubles("direction", direction)
        )

    def fill(self, grid: Grid, samples: int = 8, *, dtype: npt.DTypeLike = np.float32) -> Volume:
        """The average over each voxel of a grid: f32 or f64, by samples^3 points in voxels that a surface crosses."""
        volume = Volume(np.empty(grid.shape, dtype), grid, context=self.context)
        _abi.lib.kvox_phantom_fill(self, integer("samples", samples, 32), volume)
        return volume

    def kspace(
        self, grid: Grid, coils: Coils | None = None, *, out: npt.NDArray[np.complex64] | None = None
    ) -> npt.NDArray[np.complex64]:
        """The exact k-space of the image of a grid, c64 [coil, kz, ky, kx], k = 0 at index n // 2: its unitary
        transform has the phantom's own values. A grid of one slice is a thin section. ``coils`` None: one that sees all
        alike."""
        made = np.empty((1 if coils is None else len(coils), *grid.shape), np.complex64) if out is None else out
        _abi.lib.kvox_phantom_kspace(self, coils, grid._c(), arrays.describe_output(made, "out"))
        return made

    def kspace_points(self, grid: Grid, points: npt.ArrayLike, coils: Coils | None = None) -> npt.NDArray[np.complex64]:
        """The same at any points [.., point, axis], 2 or 3 axes, in cycles over the field of view: c64 [coil, ..,
        point]."""
        given = np.asarray(points)
        given = given if given.dtype in (np.float32, np.float64) else given.astype(np.float64)
        made = np.empty((1 if coils is None else len(coils), *given.shape[:-1]), np.complex64)
        described = arrays.describe(given), arrays.describe(made)
        _abi.lib.kvox_phantom_kspace_points(self, coils, grid._c(), *described)
        return made

    def __repr__(self) -> str:
        return f"kvox.phantom.Phantom({self.name!r})"
