"""Raw files of scanners, read one readout at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import _abi
from ..context import Context, Handle, default_context
from ..errors import Error, Status
from ..io import Path, _bytes
from .readout import Protocol, Readout


class RawFile(Handle):
    """A raw file: ISMRMRD (.h5, .hdf5, .mrd) or Siemens (.dat). A sequence of Readouts in the order of the file, read
    when they are asked for. One thread at a time; ``with`` closes it.
    """

    def __init__(self, path: Path, *, context: Context | None = None) -> None:
        io = _abi.io()
        self.context = context or default_context()
        self._adopt(
            _abi.IoMri, io.kvox_io_mri_close, io.kvox_io_mri_open, self.context, _bytes(path), keep=(self.context,)
        )

    @property
    def protocol(self) -> Protocol:
        """What the scan was set up to be."""
        protocol = _abi.MriProtocol()
        _abi.io().kvox_io_mri_protocol(self._open(), protocol)
        return Protocol._of(protocol)

    def __len__(self) -> int:
        return _abi.io().kvox_io_mri_readouts(self._open())

    def __getitem__(self, index: int) -> Readout:
        """Readout ``index``, counted from the end where it is negative; its arrays are copies."""
        return Readout._of(self._read(range(len(self))[index]))

    def __iter__(self) -> Iterator[Readout]:
        for index in range(len(self)):
            yield self[index]

    def _read(self, index: int) -> _abi.MriReadout:
        """The library's own, valid until the next."""
        readout = _abi.MriReadout()
        _abi.io().kvox_io_mri_read(self._open(), index, readout)
        return readout

    def close(self) -> None:
        """Again: nothing."""
        if self._as_parameter_ is not None:
            self._owner.release()
            self._as_parameter_ = None  # type: ignore[assignment]

    def __enter__(self) -> RawFile:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _open(self) -> RawFile:
        if self._as_parameter_ is None:
            raise Error(Status.ERROR_ARGUMENT, "the file is closed")
        return self


def open(path: Path, *, context: Context | None = None) -> RawFile:
    """Opens a raw file."""
    return RawFile(path, context=context)
