"""Kvox turns what a scanner measures into pictures: CT projections in, volumes out; MRI readouts
in, images out.

numpy in, numpy out, without a copy where strides allow; the GIL is released while the library works; a failed call
raises :class:`kvox.Error` with the library's sentence.

    scan = kvox.io.read_scan("tooth.h5")
    volume = kvox.ct.reconstruct(scan.projections, scan.angles_deg, flat=scan.flat, dark=scan.dark, center="auto")
    kvox.io.write_volume("tooth.mha", volume)
"""

from . import ct, io, mri, phantom, picture, quality
from ._abi import VERSION as __version__
from .arrays import DeviceArray, sha256
from .context import Context, Device, Workspace, default_context, devices
from .errors import Error, Status
from .volume import Grid, Volume

__all__ = [
    "Context",
    "Device",
    "DeviceArray",
    "Error",
    "Grid",
    "Status",
    "Volume",
    "Workspace",
    "__version__",
    "ct",
    "default_context",
    "devices",
    "io",
    "mri",
    "phantom",
    "picture",
    "quality",
    "sha256",
]
