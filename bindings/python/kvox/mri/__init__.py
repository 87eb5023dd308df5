"""Magnetic resonance imaging, from a scanner's readouts to images.

k-space and images are arrays [.., coil, z, y, x] of c64, the readout along x. The centre of n samples is index n // 2
on both sides; k-space to image is exp(+2 pi i k x / n) / sqrt(n) along each axis. Sizes are given as x, y, z.
"""

from .coils import Compression, combine, low_resolution, relative_maps, root_sum_of_squares, walsh_maps
from .epi import Ghost, Ramp, ghost_from_image, ghost_from_navigators, ramp_positions, remove_ghost
from .fourier import Fourier, to_image, to_kspace, to_magnitude
from .maps import FieldMap, ReplicaSnr, T2star, field_map, magnitude, phase, replica_snr, t2star, unwrap
from .noise import Noise, snr_scale
from .operator import Operator
from .partial import PartialFourier
from .raw import RawFile, open
from .readout import COUNTERS, Limits, Protocol, Ramps, Readout, Use
from .recon import Images, Lines, Reconstruction, reconstruct

__all__ = [
    "COUNTERS",
    "Compression",
    "FieldMap",
    "Fourier",
    "Ghost",
    "Images",
    "Limits",
    "Lines",
    "Noise",
    "Operator",
    "PartialFourier",
    "Protocol",
    "Ramp",
    "Ramps",
    "RawFile",
    "Readout",
    "Reconstruction",
    "ReplicaSnr",
    "T2star",
    "Use",
    "combine",
    "field_map",
    "ghost_from_image",
    "ghost_from_navigators",
    "low_resolution",
    "magnitude",
    "open",
    "phase",
    "ramp_positions",
    "reconstruct",
    "relative_maps",
    "remove_ghost",
    "replica_snr",
    "root_sum_of_squares",
    "snr_scale",
    "t2star",
    "to_image",
    "to_kspace",
    "to_magnitude",
    "unwrap",
    "walsh_maps",
]
