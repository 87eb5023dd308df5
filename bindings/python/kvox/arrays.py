"""numpy arrays as kvox_array and back, without a copy where type and strides allow; arrays on a device."""

from __future__ import annotations

import ctypes
import math
from types import EllipsisType
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from . import _abi
from .context import Context, Handle, Owner, default_context
from .errors import Error, Status

_TYPES: dict[np.dtype[Any], int] = {
    np.dtype(np.uint8): _abi.U8,
    np.dtype(np.int8): _abi.I8,
    np.dtype(np.uint16): _abi.U16,
    np.dtype(np.int16): _abi.I16,
    np.dtype(np.uint32): _abi.U32,
    np.dtype(np.int32): _abi.I32,
    np.dtype(np.float16): _abi.F16,
    np.dtype(np.float32): _abi.F32,
    np.dtype(np.float64): _abi.F64,
    np.dtype(np.complex64): _abi.C64,
}
_DTYPES = {number: dtype for dtype, number in _TYPES.items()}


def kvox_type(dtype: npt.DTypeLike) -> int:
    """The library's number for a numpy type."""
    try:
        return _TYPES[np.dtype(dtype)]
    except KeyError:
        raise Error(Status.ERROR_ARGUMENT, f"arrays of type {np.dtype(dtype)} have no counterpart in Kvox") from None


Index = slice | int | EllipsisType | None


class DeviceArray(Handle):
    """An array in the memory of a context's OpenCL device: zeros of a shape and type; ``context.to_device(array)``
    copies one of numpy's there.

    Slices are views of the same memory. Calls that compute on the device take such arrays in the place of numpy's;
    others refuse them. numpy itself never sees them: ``to_host()`` makes the copy.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32, context: Context | None = None
    ) -> None:
        self.context = context or default_context()
        dtype = np.dtype(dtype)
        number = kvox_type(dtype)
        lib = _abi.lib
        bytes_ = math.prod(shape) * dtype.itemsize
        if not 0 <= bytes_ < 1 << 63:
            raise Error(Status.ERROR_SIZE, f"an array of shape {shape} has no place in memory")
        self._adopt(
            _abi.Buffer,
            lib.kvox_buffer_destroy,
            lib.kvox_buffer_create,
            self.context,
            bytes_,
            keep=(self.context,),
        )
        self._described = _abi.Array()
        sizes = (ctypes.c_int64 * len(shape))(*shape)
        lib.kvox_array_init_buffer(self._described, self._as_parameter_, 0, number, len(shape), sizes)

    @classmethod
    def _view(cls, described: _abi.Array, owner: Owner, context: Context) -> DeviceArray:
        self = cls.__new__(cls)
        self.context, self._described, self._owner = context, described, owner
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._described.shape[: self._described.rank])

    @property
    def ndim(self) -> int:
        return self._described.rank

    @property
    def dtype(self) -> np.dtype[Any]:
        return _DTYPES[self._described.type]

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one element to the next along each index."""
        return tuple(self._described.strides[: self._described.rank])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index | tuple[Index, ...]) -> DeviceArray:
        """A view, as numpy's basic slices make one; numbers leave their index out, None adds one of size 1."""
        given = list(index) if isinstance(index, tuple) else [index]
        rest = self.ndim - sum(part is not None and part is not Ellipsis for part in given)
        if rest < 0:
            raise IndexError(f"the array has {self.ndim} indices, {self.ndim - rest} are given")
        at = given.index(Ellipsis) if Ellipsis in given else len(given)
        given[at : at + 1] = [slice(None)] * rest
        offset, shape, strides, d = self._described.data or 0, [], [], 0
        for part in given:
            if part is None:
                shape.append(1)
                strides.append(self.dtype.itemsize)
                continue
            size, stride = self.shape[d], self.strides[d]
            d += 1
            if isinstance(part, slice):
                begin, end, step = part.indices(size)
                shape.append(len(range(begin, end, step)))
                strides.append(stride * step)
            else:
                begin = range(size)[part]  # type: ignore[index]
            offset += begin * stride
        if not 0 < len(shape) <= _abi.MAX_RANK or 0 in shape:
            raise IndexError(f"a view of shape {tuple(shape)} holds no array")
        view = _abi.Array(data=offset, type=self._described.type, rank=len(shape), buffer=self._described.buffer)
        view.shape[: len(shape)] = shape
        view.strides[: len(shape)] = strides
        return self._view(view, self._owner, self.context)

    def __iter__(self) -> NoReturn:
        raise TypeError("an array on a device has no elements for the host: iterate over to_host()")

    def to_host(self, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """A copy in the host's memory; ``out``: an array of the same shape and type to write to."""
        out = np.empty(self.shape, self.dtype) if out is None else out
        _abi.lib.kvox_array_copy(self._described, describe_output(out, "out"))
        return out

    def copy_from(self, array: npt.ArrayLike | DeviceArray) -> None:
        """Overwrites it with an array of its shape and type, numpy's or the device's."""
        given = as_array(array)
        _abi.lib.kvox_array_copy(describe(given), self._described)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        raise Error(Status.ERROR_ARGUMENT, "the array lies on an OpenCL device; copy it with to_host()")

    def __repr__(self) -> str:
        return f"kvox.DeviceArray({' x '.join(map(str, self.shape))} {self.dtype})"


def to_device(array: npt.ArrayLike, context: Context) -> DeviceArray:
    """A copy of a numpy array on the context's device."""
    given = as_array(array)
    made = DeviceArray(given.shape, given.dtype, context)
    made.copy_from(given)
    return made


def as_array(given: npt.ArrayLike | DeviceArray, rank: int | None = None) -> Any:
    """A numpy array that the library can read: the given memory where its type is one of Kvox's, else a copy. An array
    on a device stays what it is.

    bool is read as u8 and 64-bit integers become f64; bytes in the other order are turned. Where ``rank`` is 3, an
    array of rank 2 gets one row ([view, column] becomes [view, 1, column]).
    """
    array: Any = given if isinstance(given, DeviceArray) else np.asarray(given)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    elif array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        array = array.astype(np.float64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    kvox_type(array.dtype)
    if rank == 3 and array.ndim == 2:
        array = array[:, None, :]
    return array


def as_rows(given: npt.ArrayLike | DeviceArray, rank: int | None = None) -> Any:
    """The same as f32 with the last index contiguous and aligned, for calls that take nothing else."""
    array = as_array(given, rank)
    if isinstance(array, DeviceArray):
        return array
    dense = array.flags.aligned and array.ndim > 0 and (array.shape[-1] == 1 or array.strides[-1] == 4)
    return array if array.dtype == np.float32 and dense else np.require(array, np.float32, ["C", "A"])


def describe(array: npt.NDArray[Any] | DeviceArray) -> _abi.Array:
    """The kvox_array of an array, which must be kept alive as long as the description is used."""
    if isinstance(array, DeviceArray):
        return array._described
    if array.ndim > _abi.MAX_RANK:
        raise Error(Status.ERROR_ARGUMENT, f"the array has rank {array.ndim}, must be at most {_abi.MAX_RANK}")
    described = _abi.Array(data=array.ctypes.data, type=kvox_type(array.dtype), rank=array.ndim)
    described.shape[: array.ndim] = array.shape
    described.strides[: array.ndim] = array.strides
    return described


def describe_output(array: npt.NDArray[Any] | DeviceArray, name: str) -> _abi.Array:
    """The kvox_array of an array that the library writes to."""
    if isinstance(array, DeviceArray):
        return array._described
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, must be a numpy array")
    if not array.flags.writeable:
        raise Error(Status.ERROR_ARGUMENT, f"{name} is read-only")
    if not array.dtype.isnative:
        raise Error(Status.ERROR_ARGUMENT, f"{name} has the byte order of another machine")
    return describe(array)


class _Memory:
    """Memory of the library, with the object that owns it, as numpy's array interface."""

    def __init__(self, described: _abi.Array, owner: object, writeable: bool) -> None:
        dtype = _DTYPES[described.type]
        shape = tuple(described.shape[: described.rank])
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "data": (described.data, not writeable),
            "typestr": dtype.str,
            "shape": shape,
            "strides": tuple(described.strides[: described.rank]) if math.prod(shape) > 0 else None,
        }


def view(described: _abi.Array, owner: object, writeable: bool = True) -> npt.NDArray[Any]:
    """A numpy view of the library's memory that keeps ``owner`` alive."""
    return np.asarray(_Memory(described, owner, writeable))


def doubles(given: npt.ArrayLike, name: str, count: int | None = None) -> npt.NDArray[np.float64]:
    """A dense vector of doubles, of a given length where one is asked for."""
    vector = np.ascontiguousarray(given, np.float64)
    if vector.ndim != 1 or (count is not None and vector.size != count):
        wanted = "a list of numbers" if count is None else f"{count} numbers"
        raise Error(Status.ERROR_SIZE, f"{name} has shape {vector.shape}, must be {wanted}")
    return vector


def pointer(vector: npt.NDArray[np.float64]) -> Any:
    """A `double *` to a dense vector, which must be kept alive as long as it is used."""
    return vector.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def sha256(array: npt.ArrayLike) -> str:
    """What an array holds as 64 hexadecimal digits, whatever its strides: the SHA-256 of "TYPE SIZE SIZE ...\\n" and
    the elements in C order, to show later which samples a result came from."""
    given = as_array(array)
    digits = ctypes.create_string_buffer(65)
    _abi.lib.kvox_array_sha256(describe(given), digits)
    return digits.value.decode()
