"""Images from a part of k-space, by what is known of their phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..context import Context, Handle, Progress, Workspace, choose, default_context, integer
from ..plan import MemoryUse, memory_of
from ..volume import whole_triple
from .common import Complex64, result, run, volumes
from .fourier import AXES
from .recon import PARTIALS

_WEIGHTINGS = {"step": _abi.MRI_WEIGHTS_STEP, "ramp": _abi.MRI_WEIGHTS_RAMP}


class PartialFourier(Handle):
    """A plan for k-space of one size of which samples ``first`` to ``last`` were measured.

    size:        x, y, z of k-space and of the image.
    first, last: inclusive, x, y, z; last None: all.
    method:      "zero-fill", "homodyne" (one partial axis) or "pocs".
    axes:        along which the arrays are k-space, such as "yz"; None: all that are longer than 1.
    weighting:   of homodyne: "step" or "ramp".
    iterations, tolerance, transition:  of POCS: how many at most (0: 50), when it ends (0: 1e-4), and over how many
                 measured samples the last round goes over to what was found.
    """

    def __init__(
        self,
        size: Sequence[int],
        first: Sequence[int] = (0, 0, 0),
        last: Sequence[int] | None = None,
        method: str = "pocs",
        *,
        axes: str | None = None,
        weighting: str = "step",
        iterations: int = 0,
        tolerance: float = 0.0,
        transition: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.context = context or default_context()
        self.size = whole_triple("size", size)
        options = _abi.MriPartialOptions(
            method=choose("method", method, PARTIALS),
            axes=sum({choose("axes", axis, AXES) for axis in axes or ""}),
            size=self.size,
            first=whole_triple("first", first),
            last=(0, 0, 0) if last is None else whole_triple("last", last),
            weighting=choose("weighting", weighting, _WEIGHTINGS),
            iterations=integer("iterations", iterations),
            tolerance=float(tolerance),
            transition=integer("transition", transition),
        )
        self._adopt(
            _abi.MriPartial,
            lib.kvox_mri_partial_destroy,
            lib.kvox_mri_partial_create,
            self.context,
            options,
            keep=(self.context,),
        )

    @property
    def memory(self) -> MemoryUse:
        """Bytes of the plan and of a workspace that executes it."""
        return memory_of(_abi.lib.kvox_mri_partial_memory, self)

    def to_image(
        self,
        kspace: npt.ArrayLike,
        *,
        out: Complex64 | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """k-space [.., z, y, x] (or [y, x]) to images; ``out`` may be the same array."""
        return self._call(_abi.lib.kvox_mri_partial_to_image, kspace, out, workspace, progress)

    def to_kspace(
        self,
        kspace: npt.ArrayLike,
        *,
        out: Complex64 | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """The same as k-space: completed."""
        return self._call(_abi.lib.kvox_mri_partial_to_kspace, kspace, out, workspace, progress)

    def _call(
        self, function: Any, kspace: Any, out: Any, workspace: Workspace | None, progress: Progress | None
    ) -> Any:
        given, added = volumes(kspace, 3)
        made = result(out, given.shape[:-3] + given.shape[-2:] if added else given.shape, np.complex64, given)
        whole = made[..., None, :, :] if made.ndim < 3 else made
        source, target = arrays.describe(given), arrays.describe_output(whole, "out")
        run(self.context, workspace, progress, lambda space: function(self, space, source, target))
        return made
