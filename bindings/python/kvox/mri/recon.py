"""From readouts to images, as they arrive."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..context import Context, Handle, Progress, Workspace, choose, default_context, integer, unsigned
from ..errors import Error, Status
from ..plan import MemoryUse, memory_of
from ..volume import Grid, Volume, triple, whole_triple
from .common import as_complex
from .fourier import Window, windows
from .noise import Noise
from .raw import RawFile
from .readout import Limits, Protocol, Readout

COMBINATIONS = {
    "rss": _abi.MRI_ROOT_SUM_OF_SQUARES,
    "adaptive": _abi.MRI_ADAPTIVE,
    "separate": _abi.MRI_SEPARATE,
}
NOISES = {
    "measured": _abi.MRI_NOISE_AS_MEASURED,
    "edges": _abi.MRI_NOISE_FROM_EDGES,
    "ignore": _abi.MRI_NOISE_IGNORED,
}
PARTIALS = {"zero-fill": _abi.MRI_ZERO_FILL, "homodyne": _abi.MRI_HOMODYNE, "pocs": _abi.MRI_POCS}
GHOSTS = {
    "auto": _abi.MRI_GHOST_AUTO,
    "navigators": _abi.MRI_GHOST_NAVIGATORS,
    "image": _abi.MRI_GHOST_FROM_IMAGE,
    "off": _abi.MRI_GHOST_LEFT,
}


class Lines(NamedTuple):
    """How many image lines came, and how many the protocol announces."""

    measured: int
    announced: int


class Images:
    """Images and where they are.

    array:             [frame, (coil,) z, y, x]; frames are repetition, phase of the heart, set, echo, the last fastest.
    grid:              of one frame, in LPS; axes x, y, z about the origin where the readouts told none.
    slice_origins_mm:  [slice, (x, y, z)].
    provenance:        what was done and chosen.
    """

    def __init__(self, array: Any, grid: Grid, slice_origins_mm: Any, provenance: dict[str, Any]) -> None:
        self.array, self.grid, self.slice_origins_mm, self.provenance = array, grid, slice_origins_mm, provenance

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.array, dtype) if copy else np.asarray(self.array, dtype)

    def volume(self, frame: int = 0, *, context: Context | None = None) -> Volume:
        """One frame of combined coils as a volume, with its place in space."""
        samples = self.array[frame]
        if samples.ndim != 3:
            raise Error(Status.ERROR_SIZE, f"the images have {samples.shape[0]} coils; choose one, or combine them")
        volume = Volume(samples, self.grid, context=context)
        steps = np.diff(self.slice_origins_mm, axis=0) - np.asarray(self.grid.axes[2]) * self.grid.spacing_mm[2]
        if np.abs(steps).max(initial=0.0) > 0.01 * self.grid.spacing_mm[2]:
            volume.slice_origins_mm = self.slice_origins_mm
        volume.provenance = self.provenance
        return volume

    def __repr__(self) -> str:
        return f"kvox.mri.Images({' x '.join(map(str, self.array.shape))} {self.array.dtype})"


class Reconstruction(Handle):
    """A reconstruction in progress: readouts are pushed one by one, images are there at any moment. One thread at a
    time.

    combine:       "rss" (root sum of squares: no phase), "adaptive" (Walsh) or "separate" (an image of each coil).
    noise:         "measured" (noise readouts, where there are any), "edges" (else the edges of k-space), "ignore"; or a
                   Noise that is known.
    snr:           images in units of the noise's standard deviation.
    coils:         compress to so many virtual coils; 0: none.
    partial:       "zero-fill", "homodyne" or "pocs".
    ghost:         of EPI: "auto", "navigators", "image" or "off".
    oversampled:   keep the readout's oversampling.
    size:          pixels x, y, z over the protocol's field of view; 0: the protocol's.
    window:        on k-space, one name for x, y, z or three, as for Fourier; ``parameters`` are its own.
    shift_px:      pixel i of the image shows what lies at pixel i + shift otherwise.
    memory_limit:  bytes; 0: the context's.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        combine: str = "rss",
        noise: str | Noise = "measured",
        snr: bool = False,
        coils: int = 0,
        partial: str = "zero-fill",
        ghost: str = "auto",
        oversampled: bool = False,
        size: Sequence[int] = (0, 0, 0),
        window: Window = "none",
        parameters: tuple[float, float] = (0.0, 0.0),
        shift_px: Sequence[float] = (0.0, 0.0, 0.0),
        memory_limit: int = 0,
        context: Context | None = None,
    ) -> None:
        lib = _abi.lib
        self.context = context or default_context()
        self.protocol = protocol
        self._separate = combine == "separate"
        options = _abi.MriReconOptions(
            combine=choose("combine", combine, COMBINATIONS),
            snr_units=bool(snr),
            virtual_coils=integer("coils", coils),
            partial=choose("partial", partial, PARTIALS),
            ghost=choose("ghost", ghost, GHOSTS),
            oversampled=bool(oversampled),
            image_size=whole_triple("size", size),
            window=windows(window, [n > 1 for n in protocol.encoded_size]),
            window_parameter=tuple(map(float, parameters)),
            shift_px=triple("shift_px", shift_px),
            memory_limit=unsigned("memory_limit", memory_limit),
        )
        if isinstance(noise, Noise):
            options.known_noise = noise._as_parameter_
        else:
            options.noise = choose("noise", noise, NOISES)
        self._adopt(
            _abi.MriRecon,
            lib.kvox_mri_recon_destroy,
            lib.kvox_mri_recon_create,
            self.context,
            protocol._c(),
            options,
            keep=(self.context, noise),
        )

    def push(self, readout: Readout) -> None:
        """Takes the next readout, of any use. One that is refused (a line outside the protocol's limits, another number
        of coils, samples that are not finite) has no part in the image, and the next may come."""
        c, _keep = readout._c()
        _abi.lib.kvox_mri_recon_push(self, c)

    def push_all(self, readouts: Iterable[Readout]) -> Reconstruction:
        """Takes all readouts of a raw file or of any other source, in their order."""
        if isinstance(readouts, RawFile):
            for index in range(len(readouts)):
                _abi.lib.kvox_mri_recon_push(self, readouts._read(index))
        else:
            for readout in readouts:
                self.push(readout)
        return self

    def push_kspace(self, kspace: npt.ArrayLike) -> Reconstruction:
        """Takes k-space [frame, coil, z, y, x], less axes having one in front ([coil, y, x] is one slice): its lines as
        readouts, but for lines of zeros, which were not measured. Frames are echoes where the protocol has as many,
        else repetitions."""
        lines = _five_axes(kspace)
        begin, end = _extent(lines)[0]
        echoes = self.protocol.limits.get("echo", Limits())
        counter = _abi.MRI_CONTRAST if echoes.last - echoes.first + 1 == len(lines) > 1 else _abi.MRI_REPETITION
        readout = _abi.MriReadout(
            coils=lines.shape[1],
            samples=lines.shape[4],
            center_sample=lines.shape[4] // 2,
            discard_before=begin,
            discard_after=lines.shape[4] - end,
        )
        push = _abi.lib.kvox_mri_recon_push
        for f, z in np.ndindex(lines.shape[0], lines.shape[2]):
            slice_ = np.ascontiguousarray(lines[f, :, z].swapaxes(0, 1))  # [y, coil, x]
            readout.counters[counter] = f
            readout.counters[_abi.MRI_STEP_2] = z
            for y in np.flatnonzero(slice_.any(axis=(1, 2))):
                readout.counters[_abi.MRI_STEP_1] = int(y)
                readout.data = slice_[y].ctypes.data_as(ctypes.POINTER(ctypes.c_float))
                push(self, readout)
        return self

    @property
    def lines(self) -> Lines:
        """How far it has come."""
        numbers = [ctypes.c_int64(), ctypes.c_int64()]
        _abi.lib.kvox_mri_recon_progress(self, *map(ctypes.byref, numbers))
        return Lines(*(number.value for number in numbers))

    @property
    def shape(self) -> tuple[int, ...]:
        """frames, coils (1: combined), z, y, x of the images."""
        sizes = (ctypes.c_int64 * 5)()
        _abi.lib.kvox_mri_recon_shape(self, sizes)
        return tuple(sizes)

    @property
    def memory(self) -> MemoryUse:
        """Bytes that it takes."""
        return memory_of(_abi.lib.kvox_mri_recon_memory, self)

    @property
    def grid(self) -> Grid:
        """Where the voxels of a frame are."""
        return self._place()[0]

    @property
    def slice_origins_mm(self) -> npt.NDArray[np.float64]:
        """The origin of each slice, [slice, (x, y, z)]."""
        return self._place()[1]

    def _place(self) -> tuple[Grid, npt.NDArray[np.float64]]:
        grid = _abi.Grid()
        origins = np.empty((self.shape[2], 3))
        _abi.lib.kvox_mri_recon_grid(self, grid, arrays.pointer(origins))
        return Grid._of(grid), origins

    @property
    def provenance(self) -> dict[str, Any]:
        """What was done and chosen."""
        return json.loads(_abi.lib.kvox_mri_recon_provenance(self).decode())

    def image(
        self,
        *,
        complex: bool = False,
        out: npt.NDArray[Any] | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Images:
        """The images of what came so far; lines that did not come are zero.

        complex:  c64 instead of the magnitude, f32.
        out:      c64 or f32 [frame, (coil,) z, y, x] to write to; None: a new one.
        """
        frames, coils, *size = self.shape
        shape = (frames, coils, *size) if self._separate else (frames, *size)
        made = np.empty(shape, np.complex64 if complex else np.float32) if out is None else out
        target = arrays.describe_output(made, "out")
        space = workspace or Workspace(self.context)
        space.run(progress, lambda held: _abi.lib.kvox_mri_recon_image(self, held, target))
        return Images(made, *self._place(), self.provenance)


def _five_axes(kspace: npt.ArrayLike) -> Any:
    array = as_complex(kspace)
    if not 2 <= array.ndim <= 5:
        raise Error(Status.ERROR_SIZE, f"kspace has {array.ndim} axes, must be [(frame, coil, z,) y, x]")
    if array.ndim <= 3:  # [y, x] and [coil, y, x] have no z
        array = array[..., None, :, :]
    return array[(None,) * (5 - array.ndim)]


def _extent(kspace: Any) -> list[tuple[int, int]]:
    """Of [frame, coil, z, y, x] where samples along x, y, z begin and end that are not zero everywhere: what partial
    Fourier measured. All of an axis whose middle was not."""
    found = []
    for axis in (4, 3, 2):
        n = kspace.shape[axis]
        measured = np.flatnonzero(kspace.any(axis=tuple({0, 1, 2, 3, 4} - {axis})))
        inside = measured.size > 0 and measured[0] <= n // 2 <= measured[-1]
        found.append((int(measured[0]), int(measured[-1]) + 1) if inside else (0, n))
    return found


def reconstruct(
    raw: str | os.PathLike[str] | RawFile | npt.ArrayLike,
    *,
    field_of_view_mm: Sequence[float] | None = None,
    image_size: Sequence[int] | None = None,
    echo_ms: Sequence[float] = (),
    complex: bool = False,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    context: Context | None = None,
    **options: Any,
) -> Images:
    """Reconstructs a raw file, or k-space as an array, to images.

    raw:               a path (ISMRMRD, Siemens), a RawFile, or c64 [(frame, coil, z,) y, x] with k = 0 at index n // 2;
                       lines of zeros were not measured.
    field_of_view_mm:  of an array: x, y, z; None: one mm a pixel.
    image_size:        of an array: pixels x, y, z in the middle that are kept (oversampling is removed).
    echo_ms:           of an array: times of echoes; its frames are then those.
    complex:           c64 instead of the magnitude.
    options:           as for Reconstruction.
    """
    if isinstance(raw, RawFile):
        made = Reconstruction(raw.protocol, context=context or raw.context, **options).push_all(raw)
    elif isinstance(raw, str | os.PathLike):
        with RawFile(raw, context=context) as file:
            made = Reconstruction(file.protocol, context=context, **options).push_all(file)
    else:
        kspace = _five_axes(raw)
        made = Reconstruction(_protocol_of(kspace, field_of_view_mm, image_size, echo_ms), context=context, **options)
        made.push_kspace(kspace)
    return made.image(complex=complex, workspace=workspace, progress=progress)


def _protocol_of(
    kspace: Any,
    field_of_view_mm: Sequence[float] | None,
    image_size: Sequence[int] | None,
    echo_ms: Sequence[float],
) -> Protocol:
    """Of k-space [frame, coil, z, y, x]; the field of view is that of the image."""
    frames, coils, *rest = kspace.shape
    encoded = whole_triple("encoded_size", rest[::-1])
    image = encoded if image_size is None else whole_triple("image_size", image_size)
    length = triple("field_of_view_mm", image if field_of_view_mm is None else field_of_view_mm)
    if echo_ms and len(echo_ms) != frames:
        raise Error(Status.ERROR_SIZE, f"echo_ms has {len(echo_ms)} times, kspace {frames} frames")
    _, lines, partitions = _extent(kspace)
    x, y, z = (mm * e / i for mm, e, i in zip(length, encoded, image, strict=True))
    return Protocol(
        encoded_size=encoded,
        image_size=image,
        encoded_mm=(x, y, z),
        image_mm=length,
        limits={
            "echo" if echo_ms else "repetition": Limits(0, frames - 1),
            "line": Limits(lines[0], lines[1] - 1, encoded[1] // 2),
            "partition": Limits(partitions[0], partitions[1] - 1, encoded[2] // 2),
        },
        coils=coils,
        echo_ms=tuple(map(float, echo_ms)),
    )
