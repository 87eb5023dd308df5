"""Centred, unitary transforms between k-space and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, choose, default_context, unsigned
from ..errors import Error, Status
from ..plan import Float32, MemoryUse, memory_of
from ..volume import triple, whole_triple
from .common import Complex64, as_complex, context_of, result, run, volumes

WINDOWS = {
    "none": _abi.MRI_NO_WINDOW,
    "hann": _abi.MRI_HANN,
    "hamming": _abi.MRI_HAMMING,
    "tukey": _abi.MRI_TUKEY,
    "fermi": _abi.MRI_FERMI,
}
AXES = {"x": _abi.MRI_X, "y": _abi.MRI_Y, "z": _abi.MRI_Z}
Window = str | Sequence[str]


def windows(window: Window, long: Sequence[bool]) -> tuple[int, int, int]:
    """The numbers of the windows along x, y, z; one name stands for all axes that are ``long``, or transformed."""
    names = [window if axis else "none" for axis in long] if isinstance(window, str) else list(window)
    if isinstance(window, str):
        choose("window", window, WINDOWS)
    if len(names) != 3:
        raise Error(Status.ERROR_SIZE, f"window has {len(names)} names, must be x, y, z or one for all")
    x, y, z = (choose("window", name, WINDOWS) for name in names)
    return x, y, z


class Fourier(Handle):
    """A plan for transforms of volumes of one size: made once, executed from any number of threads.

    kspace_size:     samples x, y, z; 1 along an axis that is not there.
    transform_size:  they are set into so many, zeros around them; None: as many.
    image_size:      of the image so many in the middle are kept; None: all.
    axes:            those that are transformed, such as "xy"; None: those along which kspace_size is not 1.
    shift_px:        pixel i of the image shows what lies at pixel i + shift otherwise.
    window:          "none", "hann", "hamming", "tukey" or "fermi", one for all axes or three for x, y, z.
    parameters:      of the window; 0: the usual ones.
    """

    def __init__(
        self,
        kspace_size: Sequence[int],
        transform_size: Sequence[int] | None = None,
        image_size: Sequence[int] | None = None,
        *,
        axes: str | None = None,
        shift_px: Sequence[float] = (0.0, 0.0, 0.0),
        window: Window = "none",
        parameters: tuple[float, float] = (0.0, 0.0),
        memory_limit: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.context = context or default_context()
        size = whole_triple("kspace_size", kspace_size)
        transform = size if transform_size is None else whole_triple("transform_size", transform_size)
        image = transform if image_size is None else whole_triple("image_size", image_size)
        self.kspace_size, self.image_size = size, image
        self._options = options = _abi.MriFourierOptions(
            axes=sum({choose("axes", axis, AXES) for axis in axes or ""}),
            kspace_size=size,
            transform_size=transform,
            image_size=image,
            shift_px=triple("shift_px", shift_px),
            window=windows(window, [axis in axes if axes else n > 1 for axis, n in zip("xyz", size, strict=True)]),
            window_parameter=tuple(map(float, parameters)),
            memory_limit=unsigned("memory_limit", memory_limit),
        )
        self._adopt(
            _abi.MriFourier,
            lib.kvox_mri_fourier_destroy,
            lib.kvox_mri_fourier_create,
            self.context,
            options,
            keep=(self.context,),
        )

    @property
    def memory(self) -> MemoryUse:
        """Bytes of the plan and of a workspace that executes it."""
        return memory_of(_abi.lib.kvox_mri_fourier_memory, self)

    def to_image(
        self,
        kspace: npt.ArrayLike | DeviceArray,
        *,
        out: Complex64 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """k-space [.., z, y, x] to images; ``out`` may be the same array where the sizes are equal."""
        return self._call(_abi.lib.kvox_mri_fourier_to_image, kspace, self.image_size, out, workspace, progress)

    def to_kspace(
        self,
        image: npt.ArrayLike | DeviceArray,
        *,
        out: Complex64 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """The adjoint: images [.., z, y, x] to k-space."""
        return self._call(_abi.lib.kvox_mri_fourier_to_kspace, image, self.kspace_size, out, workspace, progress)

    def to_magnitude(
        self,
        kspace: npt.ArrayLike | DeviceArray,
        *,
        out: Float32 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """k-space [.., coil, z, y, x] to the root sum of squares over coils, f32 [.., z, y, x]."""
        given, _ = volumes(kspace, 4)
        magnitude = result(out, given.shape[:-4] + self.image_size[::-1], np.float32, given)
        source, target = arrays.describe(given), arrays.describe_output(magnitude, "out")
        run(
            self.context,
            workspace,
            progress,
            lambda space: _abi.lib.kvox_mri_fourier_to_magnitude(self, space, source, target),
        )
        return magnitude

    def _call(
        self,
        function: Any,
        given: Any,
        size: tuple[int, int, int],
        out: Any,
        workspace: Workspace | None,
        progress: Progress | None,
    ) -> Any:
        given, added = volumes(given, 3)
        made = result(out, given.shape[:-3] + size[::-1], np.complex64, given)
        whole = made if made.ndim >= 3 else made[None]
        source, target = arrays.describe(given), arrays.describe_output(whole, "out")
        run(self.context, workspace, progress, lambda space: function(self, space, source, target))
        return made[..., 0, :, :] if added and out is None else made


def _plan(given: Any, kspace_size: Any, options: dict[str, Any], context: Context | None) -> Fourier:
    shape = (1, 1, 1) + given.shape
    return Fourier(kspace_size or shape[:-4:-1], context=context_of(given, context), **options)


def to_image(
    kspace: npt.ArrayLike | DeviceArray,
    *,
    out: Complex64 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    context: Context | None = None,
    **options: Any,
) -> Any:
    """k-space [.., z, y, x] (or [y, x]) to images, along the axes that are longer than 1; options as for Fourier."""
    given = as_complex(kspace)
    return _plan(given, None, options, context).to_image(given, out=out, workspace=workspace)


def to_kspace(
    image: npt.ArrayLike | DeviceArray,
    *,
    out: Complex64 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    context: Context | None = None,
    **options: Any,
) -> Any:
    """Images [.., z, y, x] (or [y, x]) to k-space; options as for Fourier, whose sizes are then the images'."""
    given = as_complex(image)
    return _plan(given, options.pop("kspace_size", None), options, context).to_kspace(
        given, out=out, workspace=workspace
    )


def to_magnitude(
    kspace: npt.ArrayLike | DeviceArray,
    *,
    out: Float32 | DeviceArray | None = None,
    workspace: Workspace | None = None,
    context: Context | None = None,
    **options: Any,
) -> Any:
    """k-space [.., coil, z, y, x] (or [coil, y, x]) to the root sum of squares over coils; options as for Fourier."""
    given = as_complex(kspace)
    return _plan(given, None, options, context).to_magnitude(given, out=out, workspace=workspace)
