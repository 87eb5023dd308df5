"""Filtered back-projection."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, integer, unsigned
from ..errors import Error, Status
from ..plan import Float32, MemoryUse, memory_of
from ..volume import Grid, Volume, output_volume, whole_triple
from .correction import Correction, as_correction, find_center
from .geometry import Geometry, as_geometry
from .ramp import filter_options


def make_grid(
    geometry: Geometry, size: int | Sequence[int] | None = None, spacing: float | Sequence[float] | None = None
) -> Grid:
    """The geometry's default grid with another size or spacing about the same middle.

    size:     voxels x, y, z; one number n: n x n in a slice, as many slices as before.
    spacing:  mm along x, y, z; one number: within a slice, and between slices as before.
    """
    before = geometry.default_grid
    if size is None and spacing is None:
        return before
    middle = before.index_to_world([0.5 * (n - 1) for n in before.size])
    if size is None:
        size = before.size
    elif not isinstance(size, Sequence | np.ndarray):
        size = (size, size, before.size[2])
    if spacing is None:
        spacing = before.spacing_mm
    elif not isinstance(spacing, Sequence | np.ndarray):
        spacing = (spacing, spacing, before.spacing_mm[2])
    return Grid.centered(size, spacing, list(middle))


class FBP(Handle):
    """A plan for filtered back-projection: made once, executed any number of times, from any number of threads.

    grid:             where to reconstruct; None: the geometry's default grid.
    filter, cutoff:   as for Filter.
    hu:               the attenuation of water in 1/mm, or (water, air), for a result in HU; None: the geometry's unit.
    correction:       for raw counts; None: the projections are line integrals.
    region:           ((x, y, z), (nx, ny, nz)): a box of voxels of the grid, with the same bits as in the whole.
    allow_short_arc:  reconstruct although angles are unmeasured.
    memory_limit:     bytes that an execution may use; 0: the context's, else 64 MiB (fan and cone 128) or the least.
    stream_window:    for Stream: how far ahead of the first missing view others may come; 1: in order; 0: no Stream.
    """

    def __init__(
        self,
        geometry: Geometry,
        grid: Grid | None = None,
        *,
        filter: str | npt.ArrayLike = "ramp",
        cutoff: float = 1.0,
        hu: float | tuple[float, float] | None = None,
        correction: Correction | None = None,
        region: tuple[Sequence[int], Sequence[int]] | None = None,
        allow_short_arc: bool = False,
        memory_limit: int = 0,
        stream_window: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.geometry = geometry
        self.context = context or geometry.context
        row_filter, _response = filter_options(filter, cutoff, correction, memory_limit)
        options = _abi.CtFbpOptions(
            filter=ctypes.pointer(row_filter),
            allow_short_arc=bool(allow_short_arc),
            memory_limit=unsigned("memory_limit", memory_limit),
            stream_window=integer("stream_window", stream_window),
        )
        if grid is not None:
            options.grid = ctypes.pointer(grid._c())
        if region is not None:
            begin, size = region
            options.region_begin = whole_triple("region's begin", begin)
            options.region_size = whole_triple("region's size", size)
            if not any(size):
                raise Error(Status.ERROR_ARGUMENT, "region's size is 0, 0, 0, must be at least 1 along x, y and z")
        if hu is not None:
            options.hounsfield = 1
            water_and_air = (hu, 0.0) if np.ndim(hu) == 0 else hu
            options.mu_water_per_mm, options.mu_air_per_mm = map(float, water_and_air)  # type: ignore[arg-type]
        self._adopt(
            _abi.CtFbpPlan,
            lib.kvox_ct_fbp_plan_destroy,
            lib.kvox_ct_fbp_plan_create,
            self.context,
            geometry,
            options,
            keep=(self.context, correction),
        )

    @property
    def memory(self) -> MemoryUse:
        """Bytes of the plan, of a workspace that executes it, and on the device of each execution at once."""
        return memory_of(_abi.lib.kvox_ct_fbp_plan_memory, self)

    @property
    def grid(self) -> Grid:
        """The frame of the result, of the region where one was given."""
        grid = _abi.Grid()
        _abi.lib.kvox_ct_fbp_plan_grid(self, grid)
        return Grid._of(grid)

    @property
    def provenance(self) -> dict[str, Any]:
        """How results of this plan come to be."""
        return json.loads(_abi.lib.kvox_ct_fbp_plan_provenance(self).decode())

    def __call__(
        self,
        projections: npt.ArrayLike | DeviceArray,
        *,
        out: Volume | Float32 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Volume:
        """Projections [view, row, column] to a volume, f32 [k, j, i]; a plan on a device takes both from there too.

        out:        a Volume or f32 array of the plan's size, contiguous along x, to write to; None: a new one, on the
                    device where the projections are.
        workspace:  scratch that is used again; None: a temporary one.
        progress:   told the fraction done; what it raises stops the call, and ``out`` then holds no meaning.
        """
        given = arrays.as_array(projections, 3)
        source = arrays.describe(given)
        if out is None and isinstance(given, DeviceArray):
            out = Volume.zeros(self.grid, context=given.context, device=True)
        volume = output_volume(out, self.grid, self.context)
        (workspace or Workspace(self.context)).run(
            progress, lambda space: _abi.lib.kvox_ct_fbp_execute(self, space, source, volume)
        )
        return volume


def reconstruct(
    projections: npt.ArrayLike | DeviceArray,
    geometry: Geometry | npt.ArrayLike | None,
    size: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    *,
    center: float | str | None = None,
    filter: str | npt.ArrayLike = "ramp",
    cutoff: float = 1.0,
    hu: float | tuple[float, float] | None = None,
    flat: npt.ArrayLike | None = None,
    dark: npt.ArrayLike | None = None,
    bad_pixels: npt.ArrayLike | None = None,
    correction: Correction | None = None,
    grid: Grid | None = None,
    region: tuple[Sequence[int], Sequence[int]] | None = None,
    allow_short_arc: bool = False,
    memory_limit: int = 0,
    progress: Progress | None = None,
    out: Volume | Float32 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    context: Context | None = None,
) -> Volume:
    """Reconstructs projections [view, row, column] by filtered back-projection: a volume, f32 [z, y, x].

    projections:     numpy's, or a DeviceArray: they are then reconstructed on its device, and the volume is there too.
    geometry:        a Geometry, or the angles in degrees of a parallel beam (lengths are then in pixels); None: equal
                     steps over half a turn.
    size, spacing:   the grid, as for make_grid; or ``grid`` itself; none: the geometry's default grid.
    center:          the column that the rotation axis projects to; "auto": found in the data; None: the geometry's.
    flat, dark, bad_pixels, correction:  for raw counts, see Correction; none: the projections are line integrals.
    progress, out, workspace:  see FBP's call. The rest: see FBP.
    """
    given = arrays.as_array(projections, 3)
    if context is None and isinstance(given, DeviceArray):
        context = given.context
    geometry = as_geometry(geometry, given.shape, context)
    context = context or geometry.context
    correction = as_correction(correction, flat, dark, bad_pixels, context)
    if isinstance(center, str):
        if center != "auto":
            raise Error(Status.ERROR_ARGUMENT, f'center is {center!r}, must be a column or "auto"')
        center = find_center(given, geometry, correction=correction, context=context)
    if center is not None:
        geometry = geometry.with_center(center)
    if grid is None:
        grid = make_grid(geometry, size, spacing)
    elif size is not None or spacing is not None:
        raise Error(Status.ERROR_ARGUMENT, "grid is given, size and spacing must then be None")
    plan = FBP(
        geometry,
        grid,
        filter=filter,
        cutoff=cutoff,
        hu=hu,
        correction=correction,
        region=region,
        allow_short_arc=allow_short_arc,
        memory_limit=memory_limit,
        context=context,
    )
    return plan(given, out=out, workspace=workspace, progress=progress)
