"""What the calls of MRI share: complex arrays in, results out, a workspace between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import arrays
from ..arrays import DeviceArray
from ..context import Context, Progress, Workspace, default_context
from ..plan import output_array

Complex64 = npt.NDArray[np.complex64]


def as_complex(given: npt.ArrayLike | DeviceArray) -> Any:
    """A c64 array: the given memory where it is one, whatever its strides, else a copy."""
    if isinstance(given, DeviceArray):
        return given
    array = np.asarray(given)
    native = array.dtype == np.complex64 and array.dtype.isnative and array.flags.aligned
    return array if native else np.require(array, np.complex64, ["A"])


def volumes(given: npt.ArrayLike | DeviceArray, rank: int) -> tuple[Any, int]:
    """The same with at least ``rank`` indices, and how many of size 1 were put in front of its last two: [y, x] is one
    slice, [coil, y, x] are coils of one slice."""
    array = as_complex(given)
    added = max(rank - array.ndim, 0)
    if added:
        array = array[(..., *[None] * added, slice(None), slice(None))]
    return array, added


def context_of(given: Any, context: Context | None) -> Context:
    return context or (given.context if isinstance(given, DeviceArray) else default_context())


def result(out: Any, shape: tuple[int, ...], dtype: npt.DTypeLike, like: Any) -> Any:
    """The caller's array or a new one, on the device where ``like`` is."""
    return output_array(out, shape, dtype, like.context if isinstance(like, DeviceArray) else None)


def described(array: Any) -> Any:
    return arrays.describe(array)


def run(
    context: Context, workspace: Workspace | None, progress: Progress | None, call: Callable[[Workspace], None]
) -> None:
    (workspace or Workspace(context)).run(progress, call)
