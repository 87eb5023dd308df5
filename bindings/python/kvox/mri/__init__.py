"""Magnetic resonance imaging, from a scanner's readouts to images.

k-space and images are arrays [.., coil, z, y, x] of c64, the readout along x. The centre of n samples is index n // 2
on both sides; k-space to image is exp(+2 pi i k x / n) / sqrt(n) along each axis. Sizes are given as x, y, z.
"""

from .coils import Compression, combine, low_resolution, relative_maps, root_sum_of_squares, walsh_maps
from .fourier import Fourier, to_image, to_kspace, to_magnitude
from .noise import Noise, snr_scale
from .raw import RawFile, open
from .readout import COUNTERS, Limits, Protocol, Ramps, Readout, Use

__all__ = [
    "COUNTERS",
    "Compression",
    "Fourier",
    "Limits",
    "Noise",
    "Protocol",
    "Ramps",
    "RawFile",
    "Readout",
    "Use",
    "combine",
    "low_resolution",
    "open",
    "relative_maps",
    "root_sum_of_squares",
    "snr_scale",
    "to_image",
    "to_kspace",
    "to_magnitude",
    "walsh_maps",
]
