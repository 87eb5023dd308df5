"""Phantoms: objects whose line integrals and voxel averages are known exactly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import _abi
from .context import Context, Handle, default_context, integer
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
        """The integral along the whole line through a point with a unit vector, in value times mm; exact."""
        return _abi.lib.kvox_phantom_line_integral(
            self, as_doubles("point_mm", point_mm), as_doubles("direction", direction)
        )

    def fill(self, grid: Grid, samples: int = 8, *, dtype: npt.DTypeLike = np.float32) -> Volume:
        """The average over each voxel of a grid: f32 or f64, by samples^3 points in voxels that a surface crosses."""
        volume = Volume(np.empty(grid.shape, dtype), grid, context=self.context)
        _abi.lib.kvox_phantom_fill(self, integer("samples", samples, 32), volume)
        return volume

    def __repr__(self) -> str:
        return f"kvox.phantom.Phantom({self.name!r})"
