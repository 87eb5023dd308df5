"""Echo-planar imaging: samples taken on the gradient's ramps, and ghosts of lines read to and fro."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, default_context, integer
from ..errors import Error, Status
from ..plan import MemoryUse, memory_of
from .common import Complex64, as_complex, context_of, result, run
from .readout import Ramps


def _c_ramps(ramps: Ramps) -> _abi.MriRamps:
    return _abi.MriRamps(**dataclasses.asdict(ramps))


def ramp_positions(ramps: Ramps, samples: int, size: int) -> npt.NDArray[np.float64]:
    """Where the samples of a readout that is not reversed lie, in steps of a grid of ``size`` samples."""
    positions = np.empty(max(samples, 0))
    _abi.lib.kvox_mri_ramp_positions(_c_ramps(ramps), samples, size, arrays.pointer(positions))
    return positions


class Ramp(Handle):
    """Readouts of so many ``samples``, as they were measured, to ``size`` samples on the grid."""

    def __init__(self, ramps: Ramps, samples: int, size: int | None = None, *, context: Context | None = None) -> None:
        lib = _abi.lib
        self.context = context or default_context()
        self.samples, self.size = integer("samples", samples), integer("size", samples if size is None else size)
        self._adopt(
            _abi.MriRamp,
            lib.kvox_mri_ramp_destroy,
            lib.kvox_mri_ramp_create,
            self.context,
            _c_ramps(ramps),
            self.samples,
            self.size,
            keep=(self.context,),
        )

    @property
    def memory(self) -> MemoryUse:
        """Bytes of it and of a workspace that applies it."""
        return memory_of(_abi.lib.kvox_mri_ramp_memory, self)

    @property
    def pixels(self) -> int:
        """How many pixels in the middle an object may fill."""
        return _abi.lib.kvox_mri_ramp_pixels(self)

    @property
    def noise_gain(self) -> float:
        """What noise of standard deviation 1 in every sample has over those pixels."""
        return _abi.lib.kvox_mri_ramp_noise_gain(self)

    def __call__(
        self,
        readouts: npt.ArrayLike,
        reversed: bool = False,
        *,
        out: Complex64 | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """[.., samples] to [.., size]; ``reversed`` ones (all of them) are turned."""
        given = as_complex(readouts)
        made = result(out, given.shape[:-1] + (self.size,), np.complex64, given)
        source, target = arrays.describe(given), arrays.describe_output(made, "out")
        run(
            self.context,
            workspace,
            progress,
            lambda space: _abi.lib.kvox_mri_ramp_apply(self, space, int(bool(reversed)), source, target),
        )
        return made


@dataclass(frozen=True)
class Ghost:
    """By what the reversed lines of a coil differ: at pixel x from the middle they hold exp(log_gain_per_px x + i
    (constant_rad + linear_rad_per_px x)) times as much."""

    constant_rad: float = 0.0
    linear_rad_per_px: float = 0.0
    log_gain_per_px: float = 0.0


def _flags(reversed: npt.ArrayLike, lines: int) -> tuple[npt.NDArray[np.uint8], Any]:
    """One byte a line, and a pointer to them."""
    flags = np.ascontiguousarray(reversed, np.uint8)
    if flags.shape != (lines,):
        raise Error(Status.ERROR_SIZE, f"reversed has shape {flags.shape}, must tell of each of {lines} lines")
    return flags, flags.ctypes.data_as(_abi.mri.Lines)


def _c_ghosts(ghosts: Sequence[Ghost], coils: int) -> Any:
    if len(ghosts) != coils:
        raise Error(Status.ERROR_SIZE, f"there are {len(ghosts)} ghosts for {coils} coils")
    return (_abi.MriGhost * coils)(*(_abi.MriGhost(*dataclasses.astuple(ghost)) for ghost in ghosts))


def _ghosts(found: Any) -> list[Ghost]:
    return [Ghost(ghost.constant_rad, ghost.linear_rad_per_px, ghost.log_gain_per_px) for ghost in found]


def _ranked(given: Any, least: int, axes: str) -> Any:
    array = as_complex(given)
    if array.ndim < least:
        raise Error(Status.ERROR_SIZE, f"the array has {array.ndim} axes, must be {axes}")
    return array


def ghost_from_navigators(
    navigators: npt.ArrayLike,
    reversed: npt.ArrayLike,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> list[Ghost]:
    """The ghost of each coil from navigators [.., line, coil, x], transformed to the image along x; ``reversed`` tells
    of each line (Heid 1997)."""
    given = _ranked(navigators, 3, "[.., line, coil, x]")
    context = context_of(given, context)
    _keep, lines = _flags(reversed, given.shape[-3])
    found = (_abi.MriGhost * given.shape[-2])()
    source = arrays.describe(given)
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_ghost_from_navigators(context, space, source, lines, found),
    )
    return _ghosts(found)


def ghost_from_image(
    hybrid: npt.ArrayLike,
    reversed: npt.ArrayLike,
    start: Sequence[Ghost] | None = None,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> list[Ghost]:
    """The ghost of each coil from the lines [.., coil, z, y, x] themselves, transformed to the image along x;
    ``reversed`` tells of each y (Clare 2003; Buonocore and Gao 1997).

    start:  as navigators gave it; None: zeros.
    """
    given = _ranked(hybrid, 4, "[.., coil, z, y, x]")
    context = context_of(given, context)
    coils = given.shape[-4]
    _keep, lines = _flags(reversed, given.shape[-2])
    begin = None if start is None else _c_ghosts(start, coils)
    found = (_abi.MriGhost * coils)()
    source = arrays.describe(given)
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_ghost_from_image(context, space, source, lines, begin, found),
    )
    return _ghosts(found)


def remove_ghost(
    hybrid: npt.ArrayLike,
    reversed: npt.ArrayLike,
    ghosts: Sequence[Ghost],
    *,
    out: Complex64 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """Takes the ghost of each coil off lines [.., coil, z, y, x]; ``out`` may be the same array."""
    given = _ranked(hybrid, 4, "[.., coil, z, y, x]")
    context = context_of(given, context)
    _keep, lines = _flags(reversed, given.shape[-2])
    known = _c_ghosts(ghosts, given.shape[-4])
    made = result(out, given.shape, np.complex64, given)
    source, target = arrays.describe(given), arrays.describe_output(made, "out")
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_ghost_apply(context, space, known, lines, source, target),
    )
    return made
