"""The matched pair of projector and back-projector."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, choose, unsigned
from ..plan import Float32, MemoryUse, memory_of, output_array
from ..volume import Grid, Volume, output_volume
from .geometry import Geometry

METHODS = {
    "auto": _abi.CT_OPERATOR_AUTO,
    "pixel-driven": _abi.CT_OPERATOR_PIXEL_DRIVEN,
    "joseph": _abi.CT_OPERATOR_JOSEPH,
}


class Operator(Handle):
    """The linear map A from volumes on a grid to projections, and its exact adjoint.

    Like a matrix: ``shape`` is (projection samples, voxels), ``matvec`` and ``rmatvec`` take flat vectors, so that
    ``scipy.sparse.linalg.aslinearoperator`` accepts it. Any number of threads may use one.

    ``method`` "pixel-driven" takes parallel beams whose views follow from their angles, "joseph" any geometry; "auto"
    is the former where it can be.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self,
        geometry: Geometry,
        grid: Grid | None = None,
        *,
        method: str = "auto",
        memory_limit: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.geometry = geometry
        self.grid = grid or geometry.default_grid
        self.context = context or geometry.context
        options = _abi.CtOperatorOptions(memory_limit=unsigned("memory_limit", memory_limit))
        options.method = choose("method", method, METHODS)
        options.grid = ctypes.pointer(self.grid._c())
        self._adopt(
            _abi.CtOperator,
            lib.kvox_ct_operator_destroy,
            lib.kvox_ct_operator_create,
            self.context,
            geometry,
            options,
            keep=(self.context,),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Projection samples and voxels."""
        views, rows, columns = self.geometry.shape
        x, y, z = self.grid.size
        return views * rows * columns, x * y * z

    @property
    def memory(self) -> MemoryUse:
        """Bytes of the operator, of a workspace that executes it, and on the device of each execution at once."""
        return memory_of(_abi.lib.kvox_ct_operator_memory, self)

    def forward(
        self,
        volume: Volume | npt.ArrayLike | DeviceArray,
        *,
        out: Float32 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """A volume [k, j, i] to projections, f32 [view, row, column]; of values in 1/mm these are line integrals.

        An operator on a device takes arrays from there too; projections of a volume there are a DeviceArray.
        """
        if isinstance(volume, Volume) and volume.array.dtype == np.float32:
            source = volume
        else:
            samples = volume.array if isinstance(volume, Volume) else volume
            source = Volume(arrays.as_rows(samples), self.grid, context=self.context)
        device = self.context if source.location == "opencl" else None
        out = output_array(out, self.geometry.shape, np.float32, device)
        target = arrays.describe_output(out, "out")
        (workspace or Workspace(self.context)).run(
            progress, lambda space: _abi.lib.kvox_ct_project(self, space, source, target)
        )
        return out

    def adjoint(
        self,
        projections: npt.ArrayLike | DeviceArray,
        *,
        out: Float32 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Projections [view, row, column] to a volume, f32 [k, j, i], by the transpose of ``forward``."""
        given = arrays.as_rows(projections, 3)
        source = arrays.describe(given)
        if out is None and isinstance(given, DeviceArray):
            out = DeviceArray(self.grid.shape, np.float32, self.context)
        volume = output_volume(out, self.grid, self.context)
        (workspace or Workspace(self.context)).run(
            progress, lambda space: _abi.lib.kvox_ct_backproject(self, space, source, volume)
        )
        return volume.array

    def matvec(self, x: npt.ArrayLike) -> Float32:
        """A x of a flat vector."""
        return self.forward(np.reshape(x, self.grid.shape)).reshape(-1)

    def rmatvec(self, y: npt.ArrayLike) -> Float32:
        """A^T y of a flat vector."""
        return self.adjoint(np.reshape(y, self.geometry.shape)).reshape(-1)
