"""What plans share: the bytes they need, the arrays they write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _abi
from ..context import Handle

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


def output_array(out: npt.NDArray[Any] | None, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.empty(shape, dtype) if out is None else out
