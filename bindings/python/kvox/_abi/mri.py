"""Magnetic resonance imaging: mri_*.h."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64
from typing import Any

from .base import Context, Grid, MemoryUse, Options, Status, Workspace, array, numbers, sizes

MRI_NOISE, MRI_CALIBRATION, MRI_CALIBRATION_AND_IMAGE, MRI_PHASE_CORRECTION, MRI_REVERSE, MRI_OTHER_USE = (
    1 << bit for bit in range(6)
)
MRI_STEP_1, MRI_STEP_2, MRI_AVERAGE, MRI_SLICE, MRI_CONTRAST, MRI_PHASE, MRI_REPETITION, MRI_SET = range(8)
MRI_SEGMENT, MRI_COUNTERS = 8, 9
MRI_CARTESIAN, MRI_EPI, MRI_RADIAL, MRI_SPIRAL, MRI_OTHER = range(5)
MRI_MOST_ECHOES = 64
MRI_LEAST_SQUARES, MRI_LOG_LINEAR = range(2)
MRI_X, MRI_Y, MRI_Z = 1, 2, 4
MRI_ZERO_FILL, MRI_HOMODYNE, MRI_POCS = range(3)
MRI_WEIGHTS_STEP, MRI_WEIGHTS_RAMP = range(2)
MRI_ROOT_SUM_OF_SQUARES, MRI_ADAPTIVE, MRI_SEPARATE = range(3)
MRI_NOISE_AS_MEASURED, MRI_NOISE_FROM_EDGES, MRI_NOISE_IGNORED = range(3)
MRI_GHOST_AUTO, MRI_GHOST_NAVIGATORS, MRI_GHOST_FROM_IMAGE, MRI_GHOST_LEFT = range(4)
MRI_NO_WINDOW, MRI_HANN, MRI_HAMMING, MRI_TUKEY, MRI_FERMI = range(5)

MriReconstructFunction = ctypes.CFUNCTYPE(c_int32, ctypes.c_void_p, array, array)


class MriNoiseSum(ctypes.c_void_p):
    pass


class MriNoise(ctypes.c_void_p):
    pass


class MriCompression(ctypes.c_void_p):
    pass


class MriFourier(ctypes.c_void_p):
    pass


class MriPartial(ctypes.c_void_p):
    pass


class MriRamp(ctypes.c_void_p):
    pass


class MriOperator(ctypes.c_void_p):
    pass


class MriRecon(ctypes.c_void_p):
    pass


class MriReadout(ctypes.Structure):
    _fields_ = [
        ("flags", c_uint32),
        ("encoding", c_int32),
        ("counters", c_int32 * MRI_COUNTERS),
        ("coils", c_int32),
        ("samples", c_int32),
        ("center_sample", c_int32),
        ("discard_before", c_int32),
        ("discard_after", c_int32),
        ("trajectory_axes", c_int32),
        ("data", POINTER(c_float)),
        ("trajectory", POINTER(c_float)),
        ("sample_time_us", c_double),
        ("position_mm", c_double * 3),
        ("read_axis", c_double * 3),
        ("phase_axis", c_double * 3),
        ("slice_axis", c_double * 3),
    ]


class MriLimits(ctypes.Structure):
    _fields_ = [("first", c_int32), ("last", c_int32), ("center", c_int32)]


class MriRamps(ctypes.Structure):
    _fields_ = [
        ("up_us", c_double),
        ("flat_us", c_double),
        ("down_us", c_double),
        ("delay_us", c_double),
        ("dwell_us", c_double),
        ("samples", c_int32),
        ("navigators", c_int32),
    ]


class MriProtocol(ctypes.Structure):
    _fields_ = [
        ("encoded_size", c_int64 * 3),
        ("image_size", c_int64 * 3),
        ("encoded_mm", c_double * 3),
        ("image_mm", c_double * 3),
        ("limits", MriLimits * MRI_COUNTERS),
        ("trajectory", c_int32),
        ("coils", c_int32),
        ("echoes", c_int32),
        ("echo_ms", c_double * MRI_MOST_ECHOES),
        ("acceleration", c_double * 2),
        ("field_t", c_double),
        ("ramps", MriRamps),
    ]


class MriWalshOptions(Options):
    _fields_ = [("struct_size", c_size_t), ("window", c_int64 * 3), ("noise", MriNoise)]


class MriFourierOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("axes", c_int32),
        ("kspace_size", c_int64 * 3),
        ("transform_size", c_int64 * 3),
        ("image_size", c_int64 * 3),
        ("shift_px", c_double * 3),
        ("window", c_int32 * 3),
        ("window_parameter", c_double * 2),
        ("memory_limit", c_uint64),
    ]


class MriGhost(ctypes.Structure):
    _fields_ = [("constant_rad", c_double), ("linear_rad_per_px", c_double), ("log_gain_per_px", c_double)]


class MriUnwrapOptions(Options):
    _fields_ = [("struct_size", c_size_t), ("dimensions", c_int32), ("period", c_double), ("mask", array)]


class MriT2starOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("method", c_int32),
        ("noise_floor", c_double),
        ("shortest_ms", c_double),
        ("longest_ms", c_double),
    ]


class MriReplicaOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("replicas", c_int64),
        ("seed", c_uint64),
        ("image_type", c_int32),
        ("from_mean", c_int32),
    ]


class MriReconOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("combine", c_int32),
        ("noise", c_int32),
        ("known_noise", MriNoise),
        ("snr_units", c_int32),
        ("virtual_coils", c_int64),
        ("partial", c_int32),
        ("ghost", c_int32),
        ("oversampled", c_int32),
        ("image_size", c_int64 * 3),
        ("window", c_int32 * 3),
        ("window_parameter", c_double * 2),
        ("shift_px", c_double * 3),
        ("memory_limit", c_uint64),
    ]


class MriPartialOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("method", c_int32),
        ("axes", c_int32),
        ("size", c_int64 * 3),
        ("first", c_int64 * 3),
        ("last", c_int64 * 3),
        ("weighting", c_int32),
        ("iterations", c_int64),
        ("tolerance", c_double),
        ("transition", c_int64),
    ]


made = POINTER(MriOperator)
Lines = POINTER(c_uint8)

MRI: dict[str, tuple[Any, ...]] = {
    # mri_noise.h
    "kvox_mri_noise_sum_create": (Status, Context, c_int64, c_double, POINTER(MriNoiseSum)),
    "kvox_mri_noise_sum_destroy": (None, MriNoiseSum),
    "kvox_mri_noise_sum_add": (Status, MriNoiseSum, array),
    "kvox_mri_noise_sum_add_readout": (Status, MriNoiseSum, POINTER(MriReadout)),
    "kvox_mri_noise_sum_add_edges": (Status, MriNoiseSum, array, c_double),
    "kvox_mri_noise_sum_finish": (Status, MriNoiseSum, POINTER(MriNoise)),
    "kvox_mri_noise_create": (Status, Context, c_int64, numbers, c_double, POINTER(MriNoise)),
    "kvox_mri_noise_destroy": (None, MriNoise),
    "kvox_mri_noise_coils": (c_int64, MriNoise),
    "kvox_mri_noise_samples": (c_int64, MriNoise),
    "kvox_mri_noise_sample_time_us": (c_double, MriNoise),
    "kvox_mri_noise_covariance": (Status, MriNoise, numbers),
    "kvox_mri_noise_whitening": (Status, MriNoise, numbers),
    "kvox_mri_noise_rescale": (Status, MriNoise, c_double, c_double, POINTER(MriNoise)),
    "kvox_mri_whiten": (Status, Context, MriNoise, Workspace, array, array),
    "kvox_mri_snr_scale": (c_double, c_double, c_int64),
    # mri_coils.h
    "kvox_mri_root_sum_of_squares": (Status, Context, Workspace, array, array),
    "kvox_mri_walsh_options_init_sized": (None, POINTER(MriWalshOptions), c_size_t),
    "kvox_mri_walsh_maps": (Status, Context, POINTER(MriWalshOptions), Workspace, array, array),
    "kvox_mri_low_resolution": (Status, Context, sizes, Workspace, array, array),
    "kvox_mri_relative_maps": (Status, Context, Workspace, array, array),
    "kvox_mri_combine": (Status, Context, MriNoise, Workspace, array, array, array),
    "kvox_mri_compression_create_svd": (Status, Context, array, c_int64, POINTER(MriCompression)),
    "kvox_mri_compression_create_geometric": (Status, Context, array, c_int64, c_int64, POINTER(MriCompression)),
    "kvox_mri_compression_destroy": (None, MriCompression),
    "kvox_mri_compression_energy": (c_double, MriCompression),
    "kvox_mri_compression_matrix": (Status, MriCompression, c_int64, numbers),
    "kvox_mri_compress": (Status, Context, MriCompression, Workspace, array, array),
    # mri_fourier.h
    "kvox_mri_fourier_options_init_sized": (None, POINTER(MriFourierOptions), c_size_t),
    "kvox_mri_fourier_create": (Status, Context, POINTER(MriFourierOptions), POINTER(MriFourier)),
    "kvox_mri_fourier_destroy": (None, MriFourier),
    "kvox_mri_fourier_memory": (Status, MriFourier, POINTER(MemoryUse)),
    "kvox_mri_fourier_to_image": (Status, MriFourier, Workspace, array, array),
    "kvox_mri_fourier_to_kspace": (Status, MriFourier, Workspace, array, array),
    "kvox_mri_fourier_to_magnitude": (Status, MriFourier, Workspace, array, array),
    # mri_epi.h
    "kvox_mri_ramp_positions": (Status, POINTER(MriRamps), c_int64, c_int64, numbers),
    "kvox_mri_ramp_create": (Status, Context, POINTER(MriRamps), c_int64, c_int64, POINTER(MriRamp)),
    "kvox_mri_ramp_destroy": (None, MriRamp),
    "kvox_mri_ramp_memory": (Status, MriRamp, POINTER(MemoryUse)),
    "kvox_mri_ramp_pixels": (c_int64, MriRamp),
    "kvox_mri_ramp_noise_gain": (c_double, MriRamp),
    "kvox_mri_ramp_apply": (Status, MriRamp, Workspace, c_int32, array, array),
    "kvox_mri_ghost_from_navigators": (Status, Context, Workspace, array, Lines, POINTER(MriGhost)),
    "kvox_mri_ghost_from_image": (
        Status,
        Context,
        Workspace,
        array,
        Lines,
        POINTER(MriGhost),
        POINTER(MriGhost),
    ),
    "kvox_mri_ghost_apply": (Status, Context, Workspace, POINTER(MriGhost), Lines, array, array),
    # mri_operator.h
    "kvox_mri_operator_destroy": (None, MriOperator),
    "kvox_mri_operator_create_fourier": (Status, Context, POINTER(MriFourierOptions), c_int32, sizes, made),
    "kvox_mri_operator_create_coils": (Status, Context, array, c_int32, sizes, made),
    "kvox_mri_operator_create_sampling": (Status, Context, c_int32, sizes, array, made),
    "kvox_mri_operator_create_gather": (Status, Context, c_int32, sizes, array, made),
    "kvox_mri_operator_create_crop": (Status, Context, c_int32, sizes, sizes, made),
    "kvox_mri_operator_create_modulation": (Status, Context, c_int32, sizes, array, made),
    "kvox_mri_operator_create_phase_ramp": (Status, Context, c_int32, sizes, numbers, made),
    "kvox_mri_operator_create_scale": (Status, Context, c_int32, sizes, c_double, c_double, made),
    "kvox_mri_operator_compose": (Status, MriOperator, MriOperator, made),
    "kvox_mri_operator_create_adjoint": (Status, MriOperator, made),
    "kvox_mri_operator_shape": (Status, MriOperator, POINTER(c_int32), sizes, POINTER(c_int32), sizes),
    "kvox_mri_operator_memory": (Status, MriOperator, POINTER(MemoryUse)),
    "kvox_mri_operator_forward": (Status, MriOperator, Workspace, array, array),
    "kvox_mri_operator_adjoint": (Status, MriOperator, Workspace, array, array),
    # mri_recon.h
    "kvox_mri_recon_options_init_sized": (None, POINTER(MriReconOptions), c_size_t),
    "kvox_mri_recon_create": (Status, Context, POINTER(MriProtocol), POINTER(MriReconOptions), POINTER(MriRecon)),
    "kvox_mri_recon_destroy": (None, MriRecon),
    "kvox_mri_recon_memory": (Status, MriRecon, POINTER(MemoryUse)),
    "kvox_mri_recon_push": (Status, MriRecon, POINTER(MriReadout)),
    "kvox_mri_recon_progress": (None, MriRecon, sizes, sizes),
    "kvox_mri_recon_shape": (Status, MriRecon, sizes),
    "kvox_mri_recon_image": (Status, MriRecon, Workspace, array),
    "kvox_mri_recon_grid": (Status, MriRecon, POINTER(Grid), numbers),
    "kvox_mri_recon_provenance": (c_char_p, MriRecon),
    # mri_partial.h
    "kvox_mri_partial_options_init_sized": (None, POINTER(MriPartialOptions), c_size_t),
    "kvox_mri_partial_create": (Status, Context, POINTER(MriPartialOptions), POINTER(MriPartial)),
    "kvox_mri_partial_destroy": (None, MriPartial),
    "kvox_mri_partial_memory": (Status, MriPartial, POINTER(MemoryUse)),
    "kvox_mri_partial_to_image": (Status, MriPartial, Workspace, array, array),
    "kvox_mri_partial_to_kspace": (Status, MriPartial, Workspace, array, array),
    # mri_maps.h
    "kvox_mri_magnitude": (Status, Context, Workspace, array, array),
    "kvox_mri_phase": (Status, Context, Workspace, array, array),
    "kvox_mri_field_map": (Status, Context, Workspace, array, numbers, array, array),
    "kvox_mri_unwrap_options_init_sized": (None, POINTER(MriUnwrapOptions), c_size_t),
    "kvox_mri_unwrap": (Status, Context, POINTER(MriUnwrapOptions), Workspace, array, array),
    "kvox_mri_unwrap_memory": (Status, Context, POINTER(MriUnwrapOptions), c_int32, sizes, POINTER(MemoryUse)),
    "kvox_mri_t2star_options_init_sized": (None, POINTER(MriT2starOptions), c_size_t),
    "kvox_mri_t2star": (Status, Context, POINTER(MriT2starOptions), Workspace, array, numbers, array, array, array),
    "kvox_mri_replica_options_init_sized": (None, POINTER(MriReplicaOptions), c_size_t),
    "kvox_mri_replica_snr": (
        Status,
        Context,
        MriNoise,
        POINTER(MriReplicaOptions),
        MriReconstructFunction,
        ctypes.c_void_p,
        Workspace,
        array,
        array,
        array,
    ),
    "kvox_mri_replica_snr_fourier": (
        Status,
        Context,
        MriNoise,
        POINTER(MriReplicaOptions),
        MriFourier,
        Workspace,
        array,
        array,
        array,
    ),
    "kvox_mri_replica_memory": (Status, Context, POINTER(MriReplicaOptions), array, array, POINTER(MemoryUse)),
}
