"""Linear operators made of parts: transform, sampling, coils; each with its exact adjoint."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Context, Handle, Progress, Workspace, default_context
from ..errors import Error, Status
from ..plan import MemoryUse, memory_of
from .common import Complex64, as_complex, context_of, result, run
from .fourier import Fourier


class Operator(Handle):
    """c64 arrays of one shape to c64 arrays of another. ``a @ b`` applies b first; ``a.H`` is the adjoint; ``a(x)`` is
    ``a.forward(x)``. SciPy's solvers take it by ``shape``, ``dtype``, ``matvec`` and ``rmatvec``.
    """

    dtype = np.dtype(np.complex64)
    context: Context
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]

    @classmethod
    def _made_by(cls, context: Context, keep: tuple[object, ...], make: Any, *arguments: Any) -> Operator:
        self = cls.__new__(cls)
        self.context = context
        lib = _abi.lib
        self._adopt(_abi.MriOperator, lib.kvox_mri_operator_destroy, make, *arguments, keep=(context, *keep))
        ranks = ctypes.c_int32(), ctypes.c_int32()
        sizes = (ctypes.c_int64 * _abi.MAX_RANK)(), (ctypes.c_int64 * _abi.MAX_RANK)()
        lib.kvox_mri_operator_shape(self, ctypes.byref(ranks[0]), sizes[0], ctypes.byref(ranks[1]), sizes[1])
        self.in_shape = tuple(sizes[0][: ranks[0].value])
        self.out_shape = tuple(sizes[1][: ranks[1].value])
        return self

    @classmethod
    def fourier(cls, fourier: Fourier, leading: Sequence[int] = ()) -> Operator:
        """Images [.., z, y, x] to k-space, as the plan does it, with leading axes of these sizes."""
        make = _abi.lib.kvox_mri_operator_create_fourier
        return cls._made_by(fourier.context, (), make, fourier.context, fourier._options, len(leading), _sizes(leading))

    @classmethod
    def coils(cls, maps: npt.ArrayLike, leading: Sequence[int] = (), *, context: Context | None = None) -> Operator:
        """An image [.., z, y, x] to what each coil sees of it, [.., coil, z, y, x]: times maps [coil, z, y, x], which
        must stay as they are."""
        given = as_complex(maps)
        context = context_of(given, context)
        make = _abi.lib.kvox_mri_operator_create_coils
        return cls._made_by(context, (given,), make, context, arrays.describe(given), len(leading), _sizes(leading))

    @classmethod
    def sampling(cls, shape: Sequence[int], mask: npt.ArrayLike, *, context: Context | None = None) -> Operator:
        """Which samples were taken: the others become 0. The mask is of the last axes of the shape, each of the axis'
        size or of 1."""
        return cls._masked(_abi.lib.kvox_mri_operator_create_sampling, shape, mask, context)

    @classmethod
    def gather(cls, shape: Sequence[int], mask: npt.ArrayLike, *, context: Context | None = None) -> Operator:
        """The same, the samples that were taken put one behind the other."""
        return cls._masked(_abi.lib.kvox_mri_operator_create_gather, shape, mask, context)

    @classmethod
    def _masked(cls, make: Any, shape: Sequence[int], mask: npt.ArrayLike, context: Context | None) -> Operator:
        context = context or default_context()
        taken = np.ascontiguousarray(np.asarray(mask) != 0).view(np.uint8)
        return cls._made_by(context, (), make, context, len(shape), _sizes(shape), arrays.describe(taken))

    @classmethod
    def crop(cls, shape: Sequence[int], to: Sequence[int], *, context: Context | None = None) -> Operator:
        """The middle of each axis where ``to`` is smaller, zeros around it where it is larger."""
        context = context or default_context()
        if len(shape) != len(to):
            raise Error(Status.ERROR_SIZE, f"shape has {len(shape)} sizes, to {len(to)}")
        make = _abi.lib.kvox_mri_operator_create_crop
        return cls._made_by(context, (), make, context, len(shape), _sizes(shape), _sizes(to))

    @classmethod
    def modulation(cls, shape: Sequence[int], factors: npt.ArrayLike, *, context: Context | None = None) -> Operator:
        """Times factors, of the last axes of the shape, each of the axis' size or of 1. They must stay as they are."""
        given = as_complex(factors)
        context = context_of(given, context)
        make = _abi.lib.kvox_mri_operator_create_modulation
        return cls._made_by(context, (given,), make, context, len(shape), _sizes(shape), arrays.describe(given))

    @classmethod
    def phase_ramp(cls, shape: Sequence[int], shift_px: Sequence[float], *, context: Context | None = None) -> Operator:
        """On k-space, what moves the image by so many pixels of each axis towards lower indices."""
        context = context or default_context()
        shift = arrays.doubles(shift_px, "shift_px", len(shape))
        make = _abi.lib.kvox_mri_operator_create_phase_ramp
        return cls._made_by(context, (), make, context, len(shape), _sizes(shape), arrays.pointer(shift))

    @classmethod
    def scale(cls, shape: Sequence[int], factor: complex = 1.0, *, context: Context | None = None) -> Operator:
        """Times one number; 1: the identity."""
        context = context or default_context()
        number = complex(factor)
        make = _abi.lib.kvox_mri_operator_create_scale
        return cls._made_by(context, (), make, context, len(shape), _sizes(shape), number.real, number.imag)

    def __matmul__(self, inner: Operator) -> Operator:
        if not isinstance(inner, Operator):
            return NotImplemented
        make = _abi.lib.kvox_mri_operator_compose
        return self._made_by(self.context, (self._owner, inner._owner), make, self, inner)

    @property
    def H(self) -> Operator:  # noqa: N802
        """The adjoint as an operator of its own."""
        return self._made_by(self.context, (self._owner,), _abi.lib.kvox_mri_operator_create_adjoint, self)

    @property
    def memory(self) -> MemoryUse:
        """Bytes of it and of a workspace that executes it."""
        return memory_of(_abi.lib.kvox_mri_operator_memory, self)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix: elements of what it gives and of what it takes."""
        return int(np.prod(self.out_shape)), int(np.prod(self.in_shape))

    def forward(
        self,
        array: npt.ArrayLike | DeviceArray,
        *,
        out: Complex64 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """A x, of ``out_shape``."""
        return self._call(_abi.lib.kvox_mri_operator_forward, array, self.out_shape, out, workspace, progress)

    def adjoint(
        self,
        array: npt.ArrayLike | DeviceArray,
        *,
        out: Complex64 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """A^H y, of ``in_shape``."""
        return self._call(_abi.lib.kvox_mri_operator_adjoint, array, self.in_shape, out, workspace, progress)

    __call__ = forward

    def matvec(self, x: npt.ArrayLike) -> Complex64:
        """The same with vectors."""
        return self.forward(np.reshape(x, self.in_shape)).reshape(-1)

    def rmatvec(self, y: npt.ArrayLike) -> Complex64:
        return self.adjoint(np.reshape(y, self.out_shape)).reshape(-1)

    def _call(
        self,
        function: Any,
        array: Any,
        shape: tuple[int, ...],
        out: Any,
        workspace: Workspace | None,
        progress: Progress | None,
    ) -> Any:
        given = as_complex(array)
        made = result(out, shape, np.complex64, given)
        source, target = arrays.describe(given), arrays.describe_output(made, "out")
        run(self.context, workspace, progress, lambda space: function(self, space, source, target))
        return made

    def __repr__(self) -> str:
        return f"kvox.mri.Operator({self.in_shape} to {self.out_shape})"


def _sizes(shape: Sequence[int]) -> Any:
    return (ctypes.c_int64 * max(len(shape), 1))(*map(int, shape))
