"""Views as they arrive."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from .. import _abi, arrays
from ..arrays import DeviceArray
from ..context import Handle, Progress, Workspace, integer
from ..errors import Error, Status
from ..plan import Float32
from ..volume import Volume, output_volume
from .fbp import FBP


class Stream(Handle):
    """A scan that is reconstructed while it runs: push its views, then finish. The same bits as all at once.

    plan:       made with ``FBP(..., stream_window=w)``: views come in any order in which none is w or more ahead of the
                first that is missing.
    out:        as for FBP's call, in the host's memory; None: a new volume.
    workspace:  scratch that is used again, the stream's until it is finished or closed; None: one of its own.
    progress:   told the fraction of the whole scan that is done during each push; what it raises ends the stream.

    ``with`` closes it at the end. One thread at a time.
    """

    def __init__(
        self,
        plan: FBP,
        *,
        out: Volume | Float32 | DeviceArray | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
    ) -> None:
        lib = _abi.lib
        self.plan = plan
        self.volume: Volume = output_volume(out, plan.grid, plan.context)
        """The sum over the views that were back-projected so far, not in HU; after ``finish`` the result."""
        self._progress = progress
        self._workspace = workspace or Workspace(plan.context)
        self._adopt(
            _abi.CtStream,
            lib.kvox_ct_stream_destroy,
            lib.kvox_ct_stream_create,
            plan,
            self._workspace,
            self.volume,
            keep=(plan, self.volume, self._workspace),
        )

    def push(self, view: int, projections: npt.ArrayLike) -> None:
        """Takes views from ``view`` on: [view, row, column], or [row, column] for one; counts where the plan has a
        correction. They may be overwritten when this returns.

        Where a view was pushed before, is too far ahead or is not finite, it is refused and the stream goes on.
        """
        given = arrays.as_array(projections)
        source = arrays.describe(given)
        first = integer("view", view)
        self._run(self._progress, lambda _: _abi.lib.kvox_ct_stream_push(self, first, source))

    def finish(self) -> Volume:
        """The volume, when every view was pushed; fails with the first that is missing."""
        self._run(None, lambda _: _abi.lib.kvox_ct_stream_finish(self))
        return self.volume

    @property
    def next(self) -> int:
        """The first view that is missing; the number of views when all are there."""
        return _abi.lib.kvox_ct_stream_next(self._open())

    @property
    def seconds(self) -> float:
        """How long the push took that brought the last view that was missing: from there to the volume. 0 before."""
        return _abi.lib.kvox_ct_stream_seconds(self._open())

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of each stage, of all pushes so far."""
        return self._workspace.stages

    def close(self) -> None:
        """Gives up what the stream holds; an unfinished volume stays as it is. Again: nothing."""
        if self._as_parameter_ is not None:
            self._run(None, lambda _: self._owner.release())
            self._as_parameter_ = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _open(self) -> Stream:
        if self._as_parameter_ is None:
            raise Error(Status.ERROR_ARGUMENT, "the stream is closed")
        return self

    def _run(self, progress: Progress | None, call: Any) -> None:
        self._open()
        self._workspace.run(progress, call)  # refuses a second thread
