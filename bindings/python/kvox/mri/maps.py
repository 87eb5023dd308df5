"""Maps from images: phase, the main field, unwrapped phase, T2*, signal-to-noise ratio."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Progress, Workspace, choose, integer, unsigned
from ..errors import Error, Status
from ..plan import Float32
from .common import as_complex, context_of, result, run, volumes
from .fourier import Fourier
from .noise import Noise

_METHODS = {"least-squares": _abi.MRI_LEAST_SQUARES, "log-linear": _abi.MRI_LOG_LINEAR}


def _of_samples(
    function: Any, images: Any, out: Any, workspace: Workspace | None, progress: Progress | None, context: Any
) -> Any:
    given = as_complex(images)
    context = context_of(given, context)
    made = result(out, given.shape, np.float32, given)
    source, target = arrays.describe(given), arrays.describe_output(made, "out")
    run(context, workspace, progress, lambda space: function(context, space, source, target))
    return made


def magnitude(
    images: npt.ArrayLike | DeviceArray,
    *,
    out: Float32 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """The magnitude of every sample, f32 of the images' shape, on the device where they are."""
    return _of_samples(_abi.lib.kvox_mri_magnitude, images, out, workspace, progress, context)


def phase(
    images: npt.ArrayLike | DeviceArray,
    *,
    out: Float32 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Any:
    """The phase of every sample in radians, above -pi and up to pi, f32 of the images' shape, on the device where they
    are."""
    return _of_samples(_abi.lib.kvox_mri_phase, images, out, workspace, progress, context)


def _times(echo_ms: Sequence[float], echoes: int) -> Any:
    return arrays.doubles(np.asarray(echo_ms, np.float64), "echo_ms", echoes)


class FieldMap(NamedTuple):
    """field_hz, and weight: the inverse of its variance, in 1 / Hz^2 where coils are white; f32 [.., z, y, x]."""

    field_hz: Float32
    weight: Float32


def field_map(
    images: npt.ArrayLike,
    echo_ms: Sequence[float],
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> FieldMap:
    """The offset of the main field in Hz from echoes, c64 [.., echo, coil, z, y, x] (or [echo, coil, y, x]), at rising
    times, known but for multiples of 1 / the shortest step."""
    given, added = volumes(images, 5)
    context = context_of(given, context)
    if given.ndim < 5:
        raise Error(Status.ERROR_SIZE, f"images have shape {given.shape}, must be [.., echo, coil, z, y, x]")
    times = _times(echo_ms, given.shape[-5])
    shape = given.shape[:-5] + given.shape[-3:]
    made = FieldMap(np.empty(shape, np.float32), np.empty(shape, np.float32))
    source, targets = arrays.describe(given), [arrays.describe(array) for array in made]
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_field_map(context, space, source, arrays.pointer(times), *targets),
    )
    return FieldMap(*(array[..., 0, :, :] for array in made)) if added else made


def unwrap(
    phase: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    period: float = 0.0,
    dimensions: int = 0,
    out: Float32 | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> Float32:
    """Phase f32 [.., z, y, x] (or [y, x]) without jumps (Herraez et al. 2002, Abdul-Rahman et al. 2007).

    mask:        not 0 inside, of the phase's shape or [z, y, x]; None: all inside.
    period:      what values wrap by; 0: 2 pi.
    dimensions:  3: volumes; 2: each slice for itself; 0: 3.
    """
    given = np.asarray(phase)
    given = given if given.dtype == np.float32 else given.astype(np.float32)
    context = context_of(given, context)
    made = np.empty(given.shape, np.float32) if out is None else out
    flat = given.ndim == 2
    inside = None if mask is None else np.ascontiguousarray(np.asarray(mask) != 0).view(np.uint8)
    if inside is not None and inside.ndim == 2:
        inside = inside[None]
    options = _abi.MriUnwrapOptions(dimensions=integer("dimensions", dimensions, 32), period=float(period))
    if inside is not None:
        options.mask = ctypes.pointer(arrays.describe(inside))
    source = arrays.describe(given[None] if flat else given)
    target = arrays.describe_output(made[None] if flat else made, "out")
    run(context, workspace, progress, lambda space: _abi.lib.kvox_mri_unwrap(context, options, space, source, target))
    return made


class T2star(NamedTuple):
    """t2star_ms, s0 (in the unit of the magnitudes) and r2star_per_s; f32 [.., z, y, x]."""

    t2star_ms: Float32
    s0: Float32
    r2star_per_s: Float32


def t2star(
    magnitudes: npt.ArrayLike | DeviceArray,
    echo_ms: Sequence[float],
    *,
    method: str = "least-squares",
    noise_floor: float = 0.0,
    shortest_ms: float = 0.0,
    longest_ms: float = 0.0,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> T2star:
    """Fits S0 exp(-TE / T2*) to magnitudes [.., echo, z, y, x] (or [echo, y, x]) at rising times. Maps lie on the
    device where these do.

    method:       "least-squares" or "log-linear".
    noise_floor:  the mean of the magnitude where there is no signal; 0: none.
    shortest_ms, longest_ms:  T2* is kept within; 0: as usual.
    """
    given: Any = magnitudes
    if not isinstance(given, DeviceArray):
        given = np.asarray(given)
        given = given if given.dtype == np.float32 else given.astype(np.float32)
    flat = given.ndim == 3
    given = given[..., None, :, :] if flat else given
    if given.ndim < 4:
        raise Error(Status.ERROR_SIZE, f"magnitudes have shape {given.shape}, must be [.., echo, z, y, x]")
    context = context_of(given, context)
    times = _times(echo_ms, given.shape[-4])
    options = _abi.MriT2starOptions(
        method=choose("method", method, _METHODS),
        noise_floor=float(noise_floor),
        shortest_ms=float(shortest_ms),
        longest_ms=float(longest_ms),
    )
    shape = given.shape[:-4] + given.shape[-3:]
    made = T2star(*(result(None, shape, np.float32, given) for _ in range(3)))
    source, targets = arrays.describe(given), [arrays.describe(array) for array in made]
    run(
        context,
        workspace,
        progress,
        lambda space: _abi.lib.kvox_mri_t2star(context, options, space, source, arrays.pointer(times), *targets),
    )
    return T2star(*(array[..., 0, :, :] for array in made)) if flat else made


class ReplicaSnr(NamedTuple):
    """snr, and deviation: the noise that it was divided by."""

    snr: Float32
    deviation: Float32


def replica_snr(
    kspace: npt.ArrayLike,
    noise: Noise,
    reconstruct: Fourier | Callable[[npt.NDArray[np.complex64]], npt.ArrayLike],
    *,
    replicas: int = 0,
    seed: int = 0,
    from_mean: bool = False,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
) -> ReplicaSnr:
    """The signal-to-noise ratio of each voxel of any reconstruction, by adding noise again and again (Robson et al.
    2008).

    kspace:       c64 [.., coil, z, y, x]; samples that are 0 in every coil get no noise.
    noise:        of k-space's samples as they are.
    reconstruct:  takes k-space of this shape, dense, and returns an image, c64 or f32; or a Fourier, for its
                  ``to_magnitude``.
    replicas:     0: 128.
    """
    given = as_complex(kspace)
    context = context_of(given, context)
    lib = _abi.lib
    options = _abi.MriReplicaOptions(
        replicas=integer("replicas", replicas), seed=unsigned("seed", seed), from_mean=bool(from_mean)
    )
    source = arrays.describe(given)
    if isinstance(reconstruct, Fourier):
        shape = given.shape[:-4] + reconstruct.image_size[::-1]
        made = ReplicaSnr(np.empty(shape, np.float32), np.empty(shape, np.float32))
        targets = [arrays.describe(array) for array in made]
        run(
            context,
            workspace,
            progress,
            lambda space: lib.kvox_mri_replica_snr_fourier(
                context, noise, options, reconstruct, space, source, *targets
            ),
        )
        return made
    first = np.asarray(reconstruct(np.ascontiguousarray(given)))
    kind: Any = np.complex64 if np.iscomplexobj(first) else np.float32
    options.image_type = arrays.kvox_type(kind)
    made = ReplicaSnr(np.empty(first.shape, np.float32), np.empty(first.shape, np.float32))
    targets = [arrays.describe(array) for array in made]
    raised: list[BaseException] = []

    def call(_user: int | None, lent: Any, wanted: Any) -> int:
        try:
            image = np.asarray(reconstruct(arrays.view(lent.contents, None, writeable=False)))
            if image.shape != first.shape or np.iscomplexobj(image) != np.iscomplexobj(first):
                raise Error(Status.ERROR_SIZE, f"reconstruct returned shape {image.shape}, before {first.shape}")
            arrays.view(wanted.contents, None)[...] = image
            return 0
        except BaseException as error:
            raised.append(error)
            return int(Status.ERROR_CANCELLED)

    try:
        run(
            context,
            workspace,
            progress,
            lambda space: lib.kvox_mri_replica_snr(
                context, noise, options, _abi.MriReconstructFunction(call), None, space, source, *targets
            ),
        )
    except Error:
        if not raised:
            raise
    if raised:
        raise raised.pop()
    return made
