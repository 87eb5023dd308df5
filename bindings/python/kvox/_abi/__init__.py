"""The public ABI of libkvox and libkvox-io: constants, structs and prototypes, as in include/kvox/*.h.

Nothing else in the package knows the shape of the C side. tests/test_abi.py compares every line of this folder with the
headers. kvox/extend.h is left out: it serves companion libraries written in C.
"""

from __future__ import annotations

import ctypes
import functools
import os
import pathlib
from typing import Any

from ..errors import Error
from . import base, ct, files, mri
from .base import *  # noqa: F403
from .base import VERSION, Status
from .ct import *  # noqa: F403
from .files import *  # noqa: F403
from .mri import *  # noqa: F403

KVOX: dict[str, tuple[Any, ...]] = {**base.BASE, **ct.CT, **mri.MRI}
KVOX_IO = files.KVOX_IO


def _find(name: str) -> str:
    """Where a library lies: inside the package (a wheel), where KVOX_LIBRARY points, or in the system's places."""
    file = f"lib{name}.so"
    named = f"{file}.{VERSION.split('.')[0]}"
    inside = pathlib.Path(__file__).resolve().parents[1] / file
    if inside.exists():
        return str(inside)
    for entry in filter(None, os.environ.get("KVOX_LIBRARY", "").split(os.pathsep)):
        folder = pathlib.Path(entry) if os.path.isdir(entry) else pathlib.Path(entry).parent
        for path in (folder / file, folder / named):
            if path.exists():
                return str(path)
    return named


def _check(status: Status, function: Any, arguments: tuple[Any, ...]) -> None:
    if status.value != 0:
        raise Error(status.value, lib.kvox_last_error().decode(errors="replace"))


def _load(name: str, prototypes: dict[str, tuple[Any, ...]]) -> ctypes.CDLL:
    path = _find(name)
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"cannot load {path} ({error}); install the package with its libraries inside (pip install .), or set "
            f"KVOX_LIBRARY to the folder of lib{name}.so (folders are separated by {os.pathsep!r})"
        ) from None
    for function, (result, *arguments) in prototypes.items():
        try:
            entry = getattr(library, function)
        except AttributeError:
            raise ImportError(f"{path} has no {function}: it is not version {VERSION} of the library") from None
        entry.restype, entry.argtypes = result, arguments
        if result is Status:
            entry.errcheck = _check
    return library


def _load_kvox() -> ctypes.CDLL:
    library = _load("kvox", KVOX)
    version = library.kvox_version().decode()
    # Before 1.0 a minor version may change the ABI.
    if version.split(".")[:2] != VERSION.split(".")[:2]:
        raise ImportError(f"the package is for libkvox {VERSION}, {_find('kvox')} is version {version}")
    return library


lib = _load_kvox()


@functools.cache
def io() -> ctypes.CDLL:
    """libkvox-io, loaded when the first file is read or written."""
    return _load("kvox-io", KVOX_IO)
