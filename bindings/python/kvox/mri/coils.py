"""Coils: how their images are combined, what they see, how few are enough."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, integer
from ..plan import Float32
from ..volume import whole_triple
from .common import Complex64, as_complex, context_of, result, run, volumes
from .noise import Noise


def _combined_shape(given: Any, added: int) -> tuple[int, ...]:
    """Of [.., coil, z, y, x] without coils; of [coil, y, x] that is [y, x]."""
    shape = given.shape[:-4] + given.shape[-3:]
    return shape[:-3] + shape[-2:] if added else shape


def _with_z(array: Any, added: int) -> Any:
    return array[..., None, :, :] if added else array


def root_sum_of_squares(
    images: npt.ArrayLike | DeviceArray,
    *,
    out: Float32 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """sqrt(sum over coils of |image|^2) of images [.., coil, z, y, x] (or [coil, y, x]): f32."""
    given, added = volumes(images, 4)
    context = context_of(given, context)
    made = result(out, _combined_shape(given, added), np.float32, given)
    source, target = arrays.describe(given), arrays.describe_output(_with_z(made, added), "out")
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_root_sum_of_squares(context, space, source, target),
    )
    return made


def walsh_maps(
    images: npt.ArrayLike | DeviceArray,
    *,
    window: Sequence[int] = (0, 0, 0),
    noise: Noise | None = None,
    out: Complex64 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """Sensitivities from images [.., coil, z, y, x] (or [coil, y, x]) alone (Walsh, Gmitro, Marcellin 2000), of their
    shape.

    window:  voxels along x, y, z, odd; 0: 5.
    noise:   of the coils; None: equal and not correlated, as after whitening.
    """
    given, added = volumes(images, 4)
    context = context_of(given, context)
    options = _abi.MriWalshOptions(window=whole_triple("window", window))
    if noise is not None:
        options.noise = noise._as_parameter_
    shape = given.shape[:-3] + given.shape[-2:] if added else given.shape
    made = result(out, shape, np.complex64, given)
    source, target = arrays.describe(given), arrays.describe_output(_with_z(made, added), "out")
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_walsh_maps(context, options, space, source, target),
    )
    return made


def low_resolution(
    kspace: npt.ArrayLike | DeviceArray,
    size: Sequence[int] | None = None,
    *,
    region: Sequence[int] = (0, 0, 0),
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """Smooth images of all coils from the ``region`` (samples x, y, z; 0: 24) in the middle of k-space [.., coil, z, y,
    x], over the same field of view with ``size`` pixels x, y, z; None: as many as samples."""
    given = as_complex(kspace)
    context = context_of(given, context)
    size = given.shape[:-4:-1] if size is None else whole_triple("size", size)
    made = result(None, given.shape[:-3] + tuple(size[::-1]), np.complex64, given)
    part = (ctypes.c_int64 * 3)(*whole_triple("region", region))
    source, target = arrays.describe(given), arrays.describe(made)
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_low_resolution(context, part, space, source, target),
    )
    return made


def relative_maps(
    images: npt.ArrayLike | DeviceArray,
    *,
    out: Complex64 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """Images [.., coil, z, y, x] over their root sum of squares: sensitivities, where images are smooth."""
    given = as_complex(images)
    context = context_of(given, context)
    made = result(out, given.shape, np.complex64, given)
    source, target = arrays.describe(given), arrays.describe_output(made, "out")
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_relative_maps(context, space, source, target),
    )
    return made


def combine(
    images: npt.ArrayLike | DeviceArray,
    maps: npt.ArrayLike | DeviceArray,
    *,
    noise: Noise | None = None,
    out: Complex64 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """The combination of images [.., coil, z, y, x] (or [coil, y, x]) with the least noise that has the maps'
    sensitivity (Roemer et al. 1990).

    maps:   of the images' shape, or one [coil, z, y, x] for all.
    noise:  of the coils; None: equal and not correlated.
    """
    given, added = volumes(images, 4)
    sensitivities, _ = volumes(maps, 4)
    context = context_of(given, context)
    made = result(out, _combined_shape(given, added), np.complex64, given)
    source, weights = arrays.describe(given), arrays.describe(sensitivities)
    target = arrays.describe_output(_with_z(made, added), "out")
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_combine(context, noise, space, source, weights, target),
    )
    return made


class Compression(Handle):
    """Fewer, virtual coils: the orthonormal combinations that hold most of the energy of k-space [.., coil, z, y, x].

    coils:      how many virtual coils.
    geometric:  another combination for each position along the readout; ``kspace`` is then transformed to the image
                along x alone (Zhang, Pauly, Vasanawala, Lustig 2013).
    window:     of the geometric one: positions that each takes into account, odd; 0: 5.
    """

    def __init__(
        self,
        kspace: npt.ArrayLike,
        coils: int,
        *,
        geometric: bool = False,
        window: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        given, _ = volumes(kspace, 4)
        self.context = context_of(given, context)
        self.coils, self._positions = coils, given.shape[-1] if geometric else 1
        self._from = given.shape[-4]
        make: Any = lib.kvox_mri_compression_create_svd
        arguments = [self.context, arrays.describe(given), integer("coils", coils)]
        if geometric:
            make = lib.kvox_mri_compression_create_geometric
            arguments.append(integer("window", window))
        self._adopt(_abi.MriCompression, lib.kvox_mri_compression_destroy, make, *arguments, keep=(self.context,))

    @property
    def energy(self) -> float:
        """The share of the energy that is kept, 0 to 1."""
        return _abi.lib.kvox_mri_compression_energy(self)

    @property
    def matrices(self) -> npt.NDArray[np.complex128]:
        """[position, virtual coil, coil]; one position where it is not geometric."""
        made = np.empty((self._positions, self.coils, self._from), np.complex128)
        for x in range(self._positions):
            _abi.lib.kvox_mri_compression_matrix(self, x, arrays.pointer(made[x].view(np.float64)))
        return made

    def __call__(
        self,
        kspace: npt.ArrayLike | DeviceArray,
        *,
        out: Complex64 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """[.., coil, z, y, x] (or [coil, y, x]) to [.., virtual coil, z, y, x]."""
        given, added = volumes(kspace, 4)
        shape = given.shape[:-4] + (self.coils,) + given.shape[-3:]
        made = result(out, shape[:-3] + shape[-2:] if added else shape, np.complex64, given)
        source, target = arrays.describe(given), arrays.describe_output(_with_z(made, added), "out")
        run(
            self.context,
            workspace,
            progress,
            lambda space: _abi.lib.kvox_mri_compress(self.context, self, space, source, target),
        )
        return made
