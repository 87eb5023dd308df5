"""numpy arrays as kvox_array and back, without a copy where type and strides allow."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
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


def as_array(given: npt.ArrayLike, rank: int | None = None) -> npt.NDArray[Any]:
    """A numpy array that the library can read: the given memory where its type is one of Kvox's, else a copy.

    bool is read as u8 and 64-bit integers become f64; bytes in the other order are turned. Where ``rank`` is 3, an
    array of rank 2 gets one row ([view, column] becomes [view, 1, column]).
    """
    array = np.asarray(given)
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


def as_rows(given: npt.ArrayLike, rank: int | None = None) -> npt.NDArray[np.float32]:
    """The same as f32 with the last index contiguous and aligned, for calls that take nothing else."""
    array = as_array(given, rank)
    dense = array.flags.aligned and array.ndim > 0 and (array.shape[-1] == 1 or array.strides[-1] == 4)
    return array if array.dtype == np.float32 and dense else np.require(array, np.float32, ["C", "A"])


def describe(array: npt.NDArray[Any]) -> _abi.Array:
    """The kvox_array of a numpy array, which must be kept alive as long as the description is used."""
    if array.ndim > _abi.MAX_RANK:
        raise Error(Status.ERROR_ARGUMENT, f"the array has rank {array.ndim}, must be at most {_abi.MAX_RANK}")
    described = _abi.Array(data=array.ctypes.data, type=kvox_type(array.dtype), rank=array.ndim)
    described.shape[: array.ndim] = array.shape
    described.strides[: array.ndim] = array.strides
    return described


def describe_output(array: npt.NDArray[Any], name: str) -> _abi.Array:
    """The kvox_array of an array that the library writes to."""
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
    """What an array holds as 64 hexadecimal digits, whatever its strides: the SHA-256 of "TYPE SIZE SIZE ...\\n" and the
    elements in C order, to show later which samples a result came from."""
    given = as_array(array)
    digits = ctypes.create_string_buffer(65)
    _abi.lib.kvox_array_sha256(describe(given), digits)
    return digits.value.decode()
