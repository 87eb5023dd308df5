"""What plans share: the bytes they need, the arrays they write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _abi
from .arrays import DeviceArray
from .context import Context, Handle

Float32 = npt.NDArray[np.float32]


class MemoryUse(NamedTuple):
    """Bytes that a plan holds, that a workspace holds once it has executed it, and on the device meanwhile."""

    plan: int
    workspace: int
    device: int


def memory_of(ask: Callable[..., None], plan: Handle) -> MemoryUse:
    use = _abi.MemoryUse()
    ask(plan, use)
    return MemoryUse(use.plan, use.workspace, use.device)


def output_array(
    out: npt.NDArray[Any] | DeviceArray | None,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    device: Context | None = None,
) -> Any:
    """The caller's array or a new one, on the device of ``device`` where one is given."""
    if out is not None:
        return out
    return np.empty(shape, dtype) if device is None else DeviceArray(shape, dtype, device)
