"""Readouts of a scanner, and the protocol they belong to."""

from __future__ import annotations

import ctypes
import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _abi
from ..context import choose
from ..errors import Error, Status

COUNTERS = ("line", "partition", "average", "slice", "echo", "phase", "repetition", "set", "segment")
"""What is counted, in the order of KVOX_MRI_STEP_1, ...; an argument of a Readout each."""

_TRAJECTORIES = {
    "cartesian": _abi.MRI_CARTESIAN,
    "epi": _abi.MRI_EPI,
    "radial": _abi.MRI_RADIAL,
    "spiral": _abi.MRI_SPIRAL,
    "other": _abi.MRI_OTHER,
}
Triple = tuple[float, float, float]


class Use(enum.IntFlag):
    """What a readout is for; 0: a line of the image."""

    NOISE = _abi.MRI_NOISE
    CALIBRATION = _abi.MRI_CALIBRATION
    CALIBRATION_AND_IMAGE = _abi.MRI_CALIBRATION_AND_IMAGE
    PHASE_CORRECTION = _abi.MRI_PHASE_CORRECTION
    REVERSE = _abi.MRI_REVERSE
    OTHER = _abi.MRI_OTHER_USE


class Limits(NamedTuple):
    """Inclusive bounds of a counter, and where k = 0 lies."""

    first: int = 0
    last: int = 0
    center: int = 0


@dataclass(frozen=True)
class Ramps:
    """The trapezoid of an EPI readout and when its samples were taken; all 0: equally spaced in k."""

    up_us: float = 0.0
    flat_us: float = 0.0
    down_us: float = 0.0
    delay_us: float = 0.0
    dwell_us: float = 0.0
    samples: int = 0
    navigators: int = 0


@dataclass(frozen=True)
class Protocol:
    """What a scan was set up to be. Sizes and lengths are x (readout), y, z; nothing of the patient is in it.

    image_size, image_mm:  None: as encoded.
    limits:                by the names of COUNTERS; those not given: of line and partition all that is encoded, of
                           others one.
    coils:                 0: as the first readout says.
    """

    encoded_size: tuple[int, int, int]
    image_size: tuple[int, int, int] | None = None
    encoded_mm: Triple | None = None
    image_mm: Triple | None = None
    limits: Mapping[str, Limits] = field(default_factory=dict)
    trajectory: str = "cartesian"
    coils: int = 0
    echo_ms: tuple[float, ...] = ()
    acceleration: tuple[float, float] = (0.0, 0.0)
    field_t: float = 0.0
    ramps: Ramps = Ramps()

    @classmethod
    def _of(cls, c: _abi.MriProtocol) -> Protocol:
        names = [field[0] for field in _abi.MriRamps._fields_]
        trajectories = {number: name for name, number in _TRAJECTORIES.items()}
        return cls(
            encoded_size=tuple(c.encoded_size),  # type: ignore[arg-type]
            image_size=tuple(c.image_size),  # type: ignore[arg-type]
            encoded_mm=tuple(c.encoded_mm),  # type: ignore[arg-type]
            image_mm=tuple(c.image_mm),  # type: ignore[arg-type]
            limits={name: Limits(c.limits[i].first, c.limits[i].last, c.limits[i].center)
                    for i, name in enumerate(COUNTERS)},
            trajectory=trajectories.get(c.trajectory, "other"),
            coils=c.coils,
            echo_ms=tuple(c.echo_ms[: c.echoes]),
            acceleration=tuple(c.acceleration),  # type: ignore[arg-type]
            field_t=c.field_t,
            ramps=Ramps(*(getattr(c.ramps, name) for name in names)),
        )  # fmt: skip

    def _c(self) -> _abi.MriProtocol:
        if len(self.echo_ms) > _abi.MRI_MOST_ECHOES:
            raise Error(Status.ERROR_SIZE, f"echo_ms has {len(self.echo_ms)} times, at most {_abi.MRI_MOST_ECHOES} fit")
        unknown = set(self.limits) - set(COUNTERS)
        if unknown:
            raise Error(
                Status.ERROR_ARGUMENT, f"limits of {sorted(unknown)[0]!r} are given, known are {', '.join(COUNTERS)}"
            )
        size = tuple(self.encoded_size)
        usual = {
            "line": Limits(0, size[1] - 1, size[1] // 2),
            "partition": Limits(0, size[2] - 1, size[2] // 2),
        }
        c = _abi.MriProtocol(
            encoded_size=size,
            image_size=tuple(self.image_size or size),
            encoded_mm=tuple(self.encoded_mm or map(float, size)),
            image_mm=tuple(self.image_mm or self.encoded_mm or map(float, self.image_size or size)),
            trajectory=choose("trajectory", self.trajectory, _TRAJECTORIES),
            coils=self.coils,
            echoes=len(self.echo_ms),
            acceleration=tuple(self.acceleration),
            field_t=self.field_t,
        )
        c.echo_ms[: len(self.echo_ms)] = list(self.echo_ms)
        for i, name in enumerate(COUNTERS):
            c.limits[i] = _abi.MriLimits(*self.limits.get(name, usual.get(name, Limits())))
        c.ramps = _abi.MriRamps(**dataclasses.asdict(self.ramps))
        return c


@dataclass
class Readout:
    """One readout of all coils.

    data:                c64 [coil, sample], as it was measured: reversed ones are not turned.
    use:                 what it is for.
    line, partition ...: where in the experiment it was made.
    center_sample:       at k = 0; None: the middle, samples // 2.
    trajectory:          f32 [sample, axis]; None: none.
    read_axis ...:       unit vectors in LPS; all zero: not known.
    """

    data: npt.NDArray[np.complex64]
    use: Use = Use(0)
    line: int = 0
    partition: int = 0
    average: int = 0
    slice: int = 0
    echo: int = 0
    phase: int = 0
    repetition: int = 0
    set: int = 0
    segment: int = 0
    center_sample: int | None = None
    discard_before: int = 0
    discard_after: int = 0
    sample_time_us: float = 0.0
    position_mm: Triple = (0.0, 0.0, 0.0)
    read_axis: Triple = (0.0, 0.0, 0.0)
    phase_axis: Triple = (0.0, 0.0, 0.0)
    slice_axis: Triple = (0.0, 0.0, 0.0)
    trajectory: npt.NDArray[np.float32] | None = None
    encoding: int = 0

    @property
    def counters(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTERS}

    @classmethod
    def _of(cls, c: _abi.MriReadout) -> Readout:
        """A copy of what the library lends until its next call."""
        floats = np.ctypeslib.as_array(c.data, (c.coils, c.samples, 2)) if c.samples > 0 else np.empty((c.coils, 0, 2))
        points = None
        if c.trajectory_axes > 0 and c.trajectory:
            points = np.ctypeslib.as_array(c.trajectory, (c.samples, c.trajectory_axes)).copy()
        return cls(
            data=floats.astype(np.float32).view(np.complex64)[..., 0],
            use=Use(c.flags),
            **{name: c.counters[i] for i, name in enumerate(COUNTERS)},
            center_sample=c.center_sample,
            discard_before=c.discard_before,
            discard_after=c.discard_after,
            sample_time_us=c.sample_time_us,
            position_mm=tuple(c.position_mm),
            read_axis=tuple(c.read_axis),
            phase_axis=tuple(c.phase_axis),
            slice_axis=tuple(c.slice_axis),
            trajectory=points,
            encoding=c.encoding,
        )

    def _c(self) -> tuple[_abi.MriReadout, list[Any]]:
        """The library's struct, and what must live as long as it."""
        data = np.ascontiguousarray(self.data, np.complex64)
        if data.ndim != 2:
            raise Error(Status.ERROR_SIZE, f"data of a readout has shape {data.shape}, must be [coil, sample]")
        c = _abi.MriReadout(
            flags=int(self.use),
            encoding=self.encoding,
            coils=data.shape[0],
            samples=data.shape[1],
            center_sample=data.shape[1] // 2 if self.center_sample is None else self.center_sample,
            discard_before=self.discard_before,
            discard_after=self.discard_after,
            sample_time_us=self.sample_time_us,
            position_mm=_triple(self.position_mm),
            read_axis=_triple(self.read_axis),
            phase_axis=_triple(self.phase_axis),
            slice_axis=_triple(self.slice_axis),
        )
        for i, name in enumerate(COUNTERS):
            c.counters[i] = getattr(self, name)
        c.data = data.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        keep: list[Any] = [data]
        if self.trajectory is not None:
            points = np.ascontiguousarray(self.trajectory, np.float32)
            if points.ndim != 2 or len(points) != data.shape[1]:
                raise Error(
                    Status.ERROR_SIZE, f"trajectory has shape {points.shape}, must be [{data.shape[1]} samples, axis]"
                )
            c.trajectory_axes = points.shape[1]
            c.trajectory = points.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            keep.append(points)
        return c, keep


def _triple(given: Sequence[float]) -> Any:
    x, y, z = given
    return (float(x), float(y), float(z))
