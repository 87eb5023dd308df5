"""Contexts, arrays, volumes, phantoms, quality, pictures: base.h, array.h, context.h, device.h, volume.h, phantom.h,
quality.h, picture.h."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

VERSION = "0.1.0"

MAX_RANK = 8

U8, I8, U16, I16, U32, I32, F16, F32, F64, C64 = range(1, 11)

CPU_AUTO, CPU_REF, CPU_NEON, CPU_AVX2, CPU_AVX512 = range(5)
BACKEND_AUTO, BACKEND_CPU, BACKEND_OPENCL = range(3)
DEVICE_GPU, DEVICE_CPU, DEVICE_ACCELERATOR, DEVICE_OTHER = range(1, 5)
MAP_READ, MAP_WRITE = 1, 2
LOG_INFO, LOG_WARNING = 1, 2
FFT_ESTIMATE, FFT_MEASURE = 0, 1
UNIT_ARBITRARY, UNIT_HU, UNIT_PER_MM, UNIT_PER_PIXEL = range(4)
WINDOW_LINEAR, WINDOW_LINEAR_EXACT, WINDOW_SIGMOID = range(3)

AllocateFunction = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)
ReleaseFunction = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
LogFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p)
Task = ctypes.CFUNCTYPE(None, c_void_p, c_int64)
ParallelFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int64, Task, c_void_p)
# The user pointer is a Python callable: see context.Workspace.
ProgressFunction = ctypes.CFUNCTYPE(c_int32, ctypes.py_object, c_double)


class Context(c_void_p):
    """An opaque object; each kind is a type of its own, so that ctypes refuses one in another's place."""


class Workspace(c_void_p):
    pass


class Volume(c_void_p):
    pass


class Phantom(c_void_p):
    pass


class PhantomCoils(c_void_p):
    pass


class Buffer(c_void_p):
    pass


class Array(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("type", c_int32),
        ("rank", c_int32),
        ("shape", c_int64 * MAX_RANK),
        ("strides", c_int64 * MAX_RANK),
        ("buffer", Buffer),
    ]


class Grid(ctypes.Structure):
    _fields_ = [
        ("size", c_int64 * 3),
        ("origin_mm", c_double * 3),
        ("spacing_mm", c_double * 3),
        ("axes", (c_double * 3) * 3),
    ]


class MemoryUse(ctypes.Structure):
    _fields_ = [("plan", c_uint64), ("workspace", c_uint64), ("device", c_uint64)]


class Options(ctypes.Structure):
    """A struct that grows: made with its own size in its first member and zeros behind."""

    def __init__(self, **members: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(self), **members)


class ContextOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("threads", c_int32),
        ("cpu_level", c_int32),
        ("backend", c_int32),
        ("forbid_fallback", c_int32),
        ("ignore_environment", c_int32),
        ("fft_effort", c_int32),
        ("memory_limit", c_uint64),
        ("allocate", AllocateFunction),
        ("release", ReleaseFunction),
        ("allocator_user", c_void_p),
        ("log", LogFunction),
        ("log_user", c_void_p),
        ("parallel", ParallelFunction),
        ("parallel_user", c_void_p),
        ("device", c_char_p),
        ("program_cache", c_char_p),
        ("opencl_context", c_void_p),
        ("opencl_queue", c_void_p),
    ]


class DeviceInfo(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("index", c_int32),
        ("type", c_int32),
        ("compute_units", c_int32),
        ("shares_host_memory", c_int32),
        ("name", c_char * 128),
        ("platform", c_char * 128),
        ("version", c_char * 128),
        ("driver", c_char * 64),
        ("memory_bytes", c_uint64),
        ("largest_buffer_bytes", c_uint64),
        ("local_memory_bytes", c_uint64),
        ("largest_group", c_uint64),
        ("has_double", c_int32),
        ("unusable", c_char * 124),
    ]


class Status(c_int32):
    """The result type of a call that can fail; a failure becomes a kvox.Error."""


array = POINTER(Array)
grid = POINTER(Grid)
numbers = POINTER(c_double)
sizes = POINTER(c_int64)

BASE: dict[str, tuple[Any, ...]] = {
    # base.h
    "kvox_version": (c_char_p,),
    "kvox_status_string": (c_char_p, c_int32),
    "kvox_last_error": (c_char_p,),
    # array.h
    "kvox_type_size": (c_size_t, c_int32),
    "kvox_type_name": (c_char_p, c_int32),
    "kvox_array_init": (Status, array, c_void_p, c_int32, c_int32, sizes),
    "kvox_array_sha256": (Status, array, c_char_p),
    # context.h
    "kvox_context_options_init_sized": (None, POINTER(ContextOptions), c_size_t),
    "kvox_context_create": (Status, POINTER(ContextOptions), POINTER(Context)),
    "kvox_context_destroy": (None, Context),
    "kvox_context_threads": (c_int32, Context),
    "kvox_context_cpu_level": (c_int32, Context),
    "kvox_context_backend": (c_int32, Context),
    "kvox_cpu_detected": (c_int32,),
    "kvox_cpu_level_name": (c_char_p, c_int32),
    "kvox_context_describe": (c_size_t, Context, c_char_p, c_size_t),
    "kvox_workspace_create": (Status, Context, POINTER(Workspace)),
    "kvox_workspace_destroy": (None, Workspace),
    "kvox_workspace_set_progress": (None, Workspace, ProgressFunction, c_void_p),
    "kvox_workspace_bytes": (c_uint64, Workspace),
    "kvox_workspace_stage_count": (c_int32, Workspace),
    "kvox_workspace_stage_name": (c_char_p, Workspace, c_int32),
    "kvox_workspace_stage_seconds": (c_double, Workspace, c_int32),
    # device.h
    "kvox_device_info_init_sized": (None, POINTER(DeviceInfo), c_size_t),
    "kvox_device_count": (c_int32,),
    "kvox_device_get": (Status, c_int32, POINTER(DeviceInfo)),
    "kvox_context_device": (Status, Context, POINTER(DeviceInfo)),
    "kvox_device_type_name": (c_char_p, c_int32),
    "kvox_buffer_create": (Status, Context, c_uint64, POINTER(Buffer)),
    "kvox_buffer_wrap": (Status, Context, c_void_p, POINTER(Buffer)),
    "kvox_buffer_destroy": (None, Buffer),
    "kvox_buffer_bytes": (c_uint64, Buffer),
    "kvox_buffer_handle": (c_void_p, Buffer),
    "kvox_array_init_buffer": (Status, array, Buffer, c_uint64, c_int32, c_int32, sizes),
    "kvox_volume_create_device": (Status, Context, c_int32, grid, POINTER(Volume)),
    "kvox_array_region": (Status, array, sizes, sizes, array),
    "kvox_array_copy": (Status, array, array),
    "kvox_array_map": (Status, array, c_int32, array),
    "kvox_array_unmap": (Status, array, array),
    # volume.h
    "kvox_grid_init": (Status, grid, sizes, numbers, numbers),
    "kvox_volume_create": (Status, Context, c_int32, grid, POINTER(Volume)),
    "kvox_volume_wrap": (Status, Context, array, grid, POINTER(Volume)),
    "kvox_volume_destroy": (None, Volume),
    "kvox_volume_array": (Status, Volume, array),
    "kvox_volume_grid": (Status, Volume, grid),
    "kvox_volume_set_grid": (Status, Volume, grid),
    "kvox_volume_set_slice_origins": (Status, Volume, numbers),
    "kvox_volume_slice_origins": (numbers, Volume),
    "kvox_volume_unit": (c_int32, Volume),
    "kvox_volume_set_unit": (Status, Volume, c_int32),
    "kvox_volume_index_to_world": (Status, Volume, numbers, numbers),
    "kvox_volume_provenance": (c_char_p, Volume),
    "kvox_volume_set_provenance": (Status, Volume, c_char_p),
    # phantom.h
    "kvox_phantom_create": (Status, Context, c_char_p, c_double, c_double, POINTER(Phantom)),
    "kvox_phantom_destroy": (None, Phantom),
    "kvox_phantom_name": (c_char_p, c_int32),
    "kvox_phantom_description": (c_char_p, c_int32),
    "kvox_phantom_value": (c_double, Phantom, numbers),
    "kvox_phantom_line_integral": (c_double, Phantom, numbers, numbers),
    "kvox_phantom_fill": (Status, Phantom, c_int32, Volume),
    "kvox_phantom_coils_create": (Status, Context, c_int64, c_int64, numbers, numbers, POINTER(PhantomCoils)),
    "kvox_phantom_coils_create_loops": (Status, Context, c_int64, c_int64, c_double, POINTER(PhantomCoils)),
    "kvox_phantom_coils_destroy": (None, PhantomCoils),
    "kvox_phantom_coils_count": (c_int64, PhantomCoils),
    "kvox_phantom_coil_maps": (Status, PhantomCoils, grid, array),
    "kvox_phantom_kspace": (Status, Phantom, PhantomCoils, grid, array),
    "kvox_phantom_kspace_points": (Status, Phantom, PhantomCoils, grid, array, array),
    # quality.h
    "kvox_quality_rmse": (Status, array, array, array, numbers),
    "kvox_quality_psnr": (Status, array, array, array, c_double, numbers),
    "kvox_quality_ssim": (Status, Context, array, array, c_double, numbers),
    "kvox_quality_statistics": (Status, array, array, numbers, numbers),
    "kvox_quality_mtf_edge": (Status, Context, array, numbers, c_double, c_double, numbers, c_int32),
    "kvox_quality_mtf_wire": (Status, Context, array, numbers, c_double, numbers, c_int32),
    "kvox_quality_mtf_frequency": (Status, numbers, c_int32, c_double, numbers),
    "kvox_quality_nps": (Status, Context, array, c_int32, numbers, c_int32),
    "kvox_quality_uniformity": (Status, array, numbers, c_double, c_double, numbers, numbers),
    "kvox_quality_region_error": (Status, array, numbers, c_double, c_double, numbers),
    # picture.h
    "kvox_picture_window": (Status, Context, array, c_int32, c_double, c_double, array),
    "kvox_picture_auto_window": (Status, Context, array, c_double, c_double, numbers, numbers),
}
