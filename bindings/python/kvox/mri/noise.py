"""The noise of coils: covariance, whitening, images in its units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, default_context, integer
from ..errors import Error, Status
from .common import Complex64, as_complex, context_of, result, run, volumes
from .readout import Readout


class _Sum(Handle):
    def __init__(self, coils: int, sample_time_us: float, context: Context) -> None:
        lib = _abi.lib
        self.context = context
        self._adopt(
            _abi.MriNoiseSum,
            lib.kvox_mri_noise_sum_destroy,
            lib.kvox_mri_noise_sum_create,
            context,
            coils,
            sample_time_us,
            keep=(context,),
        )

    def finish(self) -> Noise:
        return Noise._made_by(self.context, _abi.lib.kvox_mri_noise_sum_finish, self)


class Noise(Handle):
    """The noise of coils, of a covariance that is known: Hermitian [coil, coil], mean(n_i conj(n_j)).

    sample_time_us:  what a sample took; 0: not known.
    """

    def __init__(
        self, covariance: npt.ArrayLike, sample_time_us: float = 0.0, *, context: Context | None = None
    ) -> None:
        matrix = np.ascontiguousarray(covariance, np.complex128)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise Error(Status.ERROR_SIZE, f"covariance has shape {matrix.shape}, must be [coil, coil]")
        self.context = context or default_context()
        self._make(
            _abi.lib.kvox_mri_noise_create,
            self.context,
            len(matrix),
            arrays.pointer(matrix.view(np.float64)),
            float(sample_time_us),
        )

    def _make(self, make: Any, *arguments: Any) -> None:
        self._adopt(_abi.MriNoise, _abi.lib.kvox_mri_noise_destroy, make, *arguments, keep=(self.context,))

    @classmethod
    def _made_by(cls, context: Context, make: Any, *arguments: Any) -> Noise:
        self = cls.__new__(cls)
        self.context = context
        self._make(make, *arguments)
        return self

    @classmethod
    def from_samples(
        cls, samples: npt.ArrayLike, sample_time_us: float = 0.0, *, context: Context | None = None
    ) -> Noise:
        """Of noise samples [.., coil, sample]."""
        given = as_complex(samples)
        total = _Sum(given.shape[-2] if given.ndim > 1 else 0, float(sample_time_us), context_of(given, context))
        _abi.lib.kvox_mri_noise_sum_add(total, arrays.describe(given))
        return total.finish()

    @classmethod
    def from_readouts(cls, readouts: Iterable[Readout], *, context: Context | None = None) -> Noise:
        """Of readouts, whatever they say they are for."""
        total: _Sum | None = None
        for readout in readouts:
            c, _keep = readout._c()
            total = total or _Sum(c.coils, 0.0, context or default_context())
            _abi.lib.kvox_mri_noise_sum_add_readout(total, c)
        if total is None:
            raise Error(Status.ERROR_DATA, "there are no readouts of noise")
        return total.finish()

    @classmethod
    def from_edges(cls, kspace: npt.ArrayLike, share: float = 0.1, *, context: Context | None = None) -> Noise:
        """Of the corners of k-space [.., coil, z, y, x] (or [coil, y, x]), where there is least signal."""
        given, _ = volumes(kspace, 4)
        total = _Sum(given.shape[-4], 0.0, context_of(given, context))
        _abi.lib.kvox_mri_noise_sum_add_edges(total, arrays.describe(given), float(share))
        return total.finish()

    @property
    def coils(self) -> int:
        return _abi.lib.kvox_mri_noise_coils(self)

    @property
    def samples(self) -> int:
        """How many it was measured from; 0: the covariance was given."""
        return _abi.lib.kvox_mri_noise_samples(self)

    @property
    def sample_time_us(self) -> float:
        return _abi.lib.kvox_mri_noise_sample_time_us(self)

    @property
    def covariance(self) -> npt.NDArray[np.complex128]:
        """[coil, coil]."""
        return self._matrix(_abi.lib.kvox_mri_noise_covariance)

    @property
    def whitening(self) -> npt.NDArray[np.complex128]:
        """[virtual coil, coil]: the inverse of the covariance's Cholesky factor."""
        return self._matrix(_abi.lib.kvox_mri_noise_whitening)

    def _matrix(self, copy: Any) -> npt.NDArray[np.complex128]:
        matrix = np.empty((self.coils, self.coils), np.complex128)
        copy(self, arrays.pointer(matrix.view(np.float64)))
        return matrix

    def rescale(self, sample_time_us: float, bandwidth_ratio: float = 0.0) -> Noise:
        """The noise of samples that took another time."""
        make = _abi.lib.kvox_mri_noise_rescale
        return Noise._made_by(self.context, make, self, float(sample_time_us), float(bandwidth_ratio))

    def whiten(
        self,
        array: npt.ArrayLike | DeviceArray,
        *,
        out: Complex64 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """k-space or images [.., coil, z, y, x] (or [coil, y, x]) to coils whose noise has covariance 1; ``out`` may be
        the same array."""
        given = as_complex(array)
        made = result(out, given.shape, np.complex64, given)
        source = arrays.describe(volumes(given, 4)[0])
        target = arrays.describe_output(volumes(made, 4)[0] if made.ndim < 4 else made, "out")
        run(
            context_of(given, self.context),
            workspace,
            progress,
            lambda space: _abi.lib.kvox_mri_whiten(self.context, self, space, source, target),
        )
        return made

    def __repr__(self) -> str:
        return f"kvox.mri.Noise({self.coils} coils, {self.samples} samples)"


def snr_scale(squared_weights: float, elements: int) -> float:
    """What brings an image of whitened coils to units of its noise's standard deviation: ``squared_weights`` is the sum
    over k-space of the squared weight of each sample (1: measured once), ``elements`` are those of the image."""
    return _abi.lib.kvox_mri_snr_scale(float(squared_weights), integer("elements", elements))
