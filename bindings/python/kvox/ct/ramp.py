"""The ramp filter along detector rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..context import Context, Handle, Progress, Workspace, unsigned
from ..errors import Error, Status
from ..plan import Float32, MemoryUse, memory_of, output_array
from .correction import Correction
from .geometry import Geometry, as_geometry


def filters() -> list[str]:
    """The names of the windows on the ramp filter."""
    return [_abi.lib.kvox_ct_window_name(i).decode() for i in range(_abi.CT_CUSTOM)]


def filter_options(
    filter: str | npt.ArrayLike, cutoff: float, correction: Correction | None, memory_limit: int
) -> tuple[_abi.CtFilterOptions, object]:
    """The options, and what they point to."""
    if not float(cutoff) > 0:
        raise Error(Status.ERROR_ARGUMENT, f"cutoff is {cutoff}, must be above 0 and at most 1")
    options = _abi.CtFilterOptions(cutoff=float(cutoff), memory_limit=unsigned("memory_limit", memory_limit))
    if correction is not None:
        options.correction = correction._as_parameter_
    response = None
    if isinstance(filter, str):
        if filter not in filters():
            known = ", ".join(filters())
            raise Error(Status.ERROR_ARGUMENT, f"filter is {filter!r}, must be one of {known}, or an array")
        options.window = filters().index(filter)
    else:
        response = arrays.doubles(filter, "filter")
        options.window = _abi.CT_CUSTOM
        options.response, options.response_count = arrays.pointer(response), response.size
    return options, response


class Filter(Handle):
    """A plan that convolves every detector row with the band-limited ramp times a window.

    filter:      one of filters(), or factors on the ramp at equal steps from 0 to cutoff times the Nyquist frequency.
    cutoff:      0 to 1, the fraction of the Nyquist frequency that the window is stretched to; zero above.
    correction:  for raw counts; None: the projections are line integrals.
    """

    def __init__(
        self,
        geometry: Geometry,
        filter: str | npt.ArrayLike = "ramp",
        cutoff: float = 1.0,
        *,
        correction: Correction | None = None,
        memory_limit: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.geometry = geometry
        self.context = context or geometry.context
        options, _response = filter_options(filter, cutoff, correction, memory_limit)
        self._adopt(
            _abi.CtFilterPlan,
            lib.kvox_ct_filter_plan_destroy,
            lib.kvox_ct_filter_plan_create,
            self.context,
            geometry,
            options,
            keep=(self.context, correction),
        )

    @property
    def memory(self) -> MemoryUse:
        """Bytes of the plan and of a workspace that executes it."""
        return memory_of(_abi.lib.kvox_ct_filter_plan_memory, self)

    def __call__(
        self,
        projections: npt.ArrayLike,
        *,
        out: Float32 | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Float32:
        """Filtered projections, f32 [view, row, column], in 1/mm."""
        given = arrays.as_array(projections, 3)
        out = output_array(out, self.geometry.shape, np.float32)
        source, target = arrays.describe(given), arrays.describe_output(out, "out")
        (workspace or Workspace(self.context)).run(
            progress, lambda space: _abi.lib.kvox_ct_filter_execute(self, space, source, target)
        )
        return out


def filter(
    projections: npt.ArrayLike,
    geometry: Geometry | npt.ArrayLike | None,
    filter: str | npt.ArrayLike = "ramp",
    cutoff: float = 1.0,
    *,
    correction: Correction | None = None,
    out: Float32 | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Float32:
    """Projections to filtered projections, f32 [view, row, column], in 1/mm; the arguments are those of Filter."""
    given = arrays.as_array(projections, 3)
    geometry = as_geometry(geometry, given.shape, context)
    plan = Filter(geometry, filter, cutoff, correction=correction, context=context)
    return plan(given, out=out, progress=progress)
