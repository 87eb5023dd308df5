"""The public ABI of libkvox and libkvox-io: constants, structs and prototypes, as in include/kvox/*.h.

Nothing else in the package knows the shape of the C side. tests/test_abi.py compares every line of this file with the
headers. kvox/extend.h is left out: it serves companion libraries written in C; kvox/io_mri.h is not bound yet.
"""

from __future__ import annotations

import ctypes
import functools
import os
import pathlib
from ctypes import POINTER, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from .errors import Error

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
CT_PARALLEL, CT_FAN, CT_CONE = range(3)
CT_OPERATOR_AUTO, CT_OPERATOR_PIXEL_DRIVEN, CT_OPERATOR_JOSEPH = range(3)
CT_DATA_FIT, CT_DATA_FIT_ANOTHER, CT_DATA_FIT_NONE, CT_DATA_CANNOT_TELL = range(4)
CT_AS_GIVEN, CT_DIRECTION, CT_COLUMNS_FLIPPED, CT_ROWS_FLIPPED = range(4)
CT_COLUMN_OFFSET, CT_SOURCE_DISTANCE, CT_ANGLE_STEP = range(4, 7)
CT_RAMP, CT_SHEPP_LOGAN, CT_COSINE, CT_HAMMING, CT_HANN, CT_CUSTOM = range(6)
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


class CtGeometry(c_void_p):
    pass


class CtCorrection(c_void_p):
    pass


class CtFilterPlan(c_void_p):
    pass


class CtFbpPlan(c_void_p):
    pass


class CtStream(c_void_p):
    pass


class CtOperator(c_void_p):
    pass


class IoArray(c_void_p):
    pass


class IoScan(c_void_p):
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


class CtView(ctypes.Structure):
    _fields_ = [
        ("angle_deg", c_double),
        ("source_mm", c_double * 3),
        ("detector_mm", c_double * 3),
        ("column_step_mm", c_double * 3),
        ("row_step_mm", c_double * 3),
    ]


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


class CtParallelOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("views", c_int64),
        ("rows", c_int64),
        ("columns", c_int64),
        ("column_pitch_mm", c_double),
        ("row_pitch_mm", c_double),
        ("column_offset_px", c_double),
        ("row_offset_px", c_double),
        ("angles_deg", POINTER(c_double)),
        ("angle_start_deg", c_double),
        ("angle_step_deg", c_double),
    ]


class CtConeOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("views", c_int64),
        ("rows", c_int64),
        ("columns", c_int64),
        ("source_to_axis_mm", c_double),
        ("source_to_detector_mm", c_double),
        ("column_pitch_mm", c_double),
        ("row_pitch_mm", c_double),
        ("column_offset_px", c_double),
        ("row_offset_px", c_double),
        ("angles_deg", POINTER(c_double)),
        ("angle_start_deg", c_double),
        ("angle_step_deg", c_double),
    ]


class CtConsistency(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("verdict", c_int32),
        ("change", c_int32),
        ("amount", c_double),
        ("better", c_double),
        ("compared", c_double),
        ("misfit", c_double),
        ("center_misfit_px", c_double),
    ]


class CtCorrectionOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("dark", POINTER(Array)),
        ("flat", POINTER(Array)),
        ("bad_pixels", POINTER(Array)),
        ("least_counts", c_double),
    ]


class CtFilterOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("window", c_int32),
        ("cutoff", c_double),
        ("response", POINTER(c_double)),
        ("response_count", c_int64),
        ("correction", CtCorrection),
        ("memory_limit", c_uint64),
    ]


class CtOperatorOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("grid", POINTER(Grid)),
        ("memory_limit", c_uint64),
        ("method", c_int32),
    ]


class CtFbpOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("grid", POINTER(Grid)),
        ("region_begin", c_int64 * 3),
        ("region_size", c_int64 * 3),
        ("filter", POINTER(CtFilterOptions)),
        ("hounsfield", c_int32),
        ("allow_short_arc", c_int32),
        ("mu_water_per_mm", c_double),
        ("mu_air_per_mm", c_double),
        ("memory_limit", c_uint64),
        ("stream_window", c_int64),
    ]


class IoWriteOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("compress", c_int32),
        ("window_function", c_int32),
        ("bits", c_int32),
        ("window_center", c_double),
        ("window_width", c_double),
        ("slice", c_int64),
    ]


class IoDetector(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("rows", c_int64),
        ("columns", c_int64),
        ("column_pitch_mm", c_double),
        ("row_pitch_mm", c_double),
        ("has_origin", c_int32),
        ("origin_mm", c_double * 2),
    ]


class Status(c_int32):
    """The result type of a call that can fail; a failure becomes a kvox.Error."""


_array = POINTER(Array)
_grid = POINTER(Grid)
_numbers = POINTER(c_double)
_sizes = POINTER(c_int64)

KVOX: dict[str, tuple[Any, ...]] = {
    # base.h
    "kvox_version": (c_char_p,),
    "kvox_status_string": (c_char_p, c_int32),
    "kvox_last_error": (c_char_p,),
    # array.h
    "kvox_type_size": (c_size_t, c_int32),
    "kvox_type_name": (c_char_p, c_int32),
    "kvox_array_init": (Status, _array, c_void_p, c_int32, c_int32, _sizes),
    "kvox_array_sha256": (Status, _array, c_char_p),
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
    "kvox_array_init_buffer": (Status, _array, Buffer, c_uint64, c_int32, c_int32, _sizes),
    "kvox_volume_create_device": (Status, Context, c_int32, _grid, POINTER(Volume)),
    "kvox_array_region": (Status, _array, _sizes, _sizes, _array),
    "kvox_array_copy": (Status, _array, _array),
    "kvox_array_map": (Status, _array, c_int32, _array),
    "kvox_array_unmap": (Status, _array, _array),
    # volume.h
    "kvox_grid_init": (Status, _grid, _sizes, _numbers, _numbers),
    "kvox_volume_create": (Status, Context, c_int32, _grid, POINTER(Volume)),
    "kvox_volume_wrap": (Status, Context, _array, _grid, POINTER(Volume)),
    "kvox_volume_destroy": (None, Volume),
    "kvox_volume_array": (Status, Volume, _array),
    "kvox_volume_grid": (Status, Volume, _grid),
    "kvox_volume_set_grid": (Status, Volume, _grid),
    "kvox_volume_set_slice_origins": (Status, Volume, _numbers),
    "kvox_volume_slice_origins": (_numbers, Volume),
    "kvox_volume_unit": (c_int32, Volume),
    "kvox_volume_set_unit": (Status, Volume, c_int32),
    "kvox_volume_index_to_world": (Status, Volume, _numbers, _numbers),
    "kvox_volume_provenance": (c_char_p, Volume),
    "kvox_volume_set_provenance": (Status, Volume, c_char_p),
    # phantom.h
    "kvox_phantom_create": (Status, Context, c_char_p, c_double, c_double, POINTER(Phantom)),
    "kvox_phantom_destroy": (None, Phantom),
    "kvox_phantom_name": (c_char_p, c_int32),
    "kvox_phantom_description": (c_char_p, c_int32),
    "kvox_phantom_value": (c_double, Phantom, _numbers),
    "kvox_phantom_line_integral": (c_double, Phantom, _numbers, _numbers),
    "kvox_phantom_fill": (Status, Phantom, c_int32, Volume),
    # ct.h
    "kvox_ct_parallel_options_init_sized": (None, POINTER(CtParallelOptions), c_size_t),
    "kvox_ct_geometry_create_parallel": (Status, Context, POINTER(CtParallelOptions), POINTER(CtGeometry)),
    "kvox_ct_cone_options_init_sized": (None, POINTER(CtConeOptions), c_size_t),
    "kvox_ct_geometry_create_cone": (Status, Context, POINTER(CtConeOptions), POINTER(CtGeometry)),
    "kvox_ct_geometry_create_fan": (Status, Context, POINTER(CtConeOptions), POINTER(CtGeometry)),
    "kvox_ct_geometry_create_views": (
        Status,
        Context,
        c_int32,
        c_int64,
        c_int64,
        POINTER(CtView),
        c_int64,
        POINTER(CtGeometry),
    ),
    "kvox_ct_geometry_create_matrices": (
        Status,
        Context,
        c_int64,
        c_int64,
        c_double,
        _numbers,
        c_int64,
        POINTER(CtGeometry),
    ),
    "kvox_ct_geometry_from_astra": (
        Status,
        Context,
        c_int32,
        c_int64,
        c_int64,
        _numbers,
        c_int64,
        POINTER(CtGeometry),
    ),
    "kvox_ct_geometry_to_astra": (Status, CtGeometry, _numbers),
    "kvox_ct_geometry_destroy": (None, CtGeometry),
    "kvox_ct_geometry_beam": (c_int32, CtGeometry),
    "kvox_ct_geometry_is_circular": (c_int32, CtGeometry),
    "kvox_ct_geometry_distances": (Status, CtGeometry, _numbers, _numbers),
    "kvox_ct_geometry_pitch": (Status, CtGeometry, _numbers),
    "kvox_ct_geometry_matrix": (Status, CtGeometry, c_int64, _numbers),
    "kvox_ct_geometry_shape": (Status, CtGeometry, _sizes),
    "kvox_ct_geometry_view": (Status, CtGeometry, c_int64, POINTER(CtView)),
    "kvox_ct_geometry_center_px": (c_double, CtGeometry),
    "kvox_ct_geometry_unit": (c_int32, CtGeometry),
    "kvox_ct_geometry_default_grid": (Status, CtGeometry, _grid),
    "kvox_ct_geometry_weights": (Status, CtGeometry, _numbers),
    "kvox_ct_geometry_check": (Status, CtGeometry, _grid, c_char_p, c_size_t, POINTER(c_size_t)),
    "kvox_ct_simulate": (Status, Context, CtGeometry, Phantom, _array),
    "kvox_ct_add_noise": (Status, Context, c_double, c_uint64, _array),
    "kvox_ct_correction_options_init_sized": (None, POINTER(CtCorrectionOptions), c_size_t),
    "kvox_ct_correction_create": (Status, Context, POINTER(CtCorrectionOptions), POINTER(CtCorrection)),
    "kvox_ct_correction_destroy": (None, CtCorrection),
    "kvox_ct_correction_bad_pixels": (c_int64, CtCorrection),
    "kvox_ct_correct": (Status, Context, CtCorrection, _array, _array),
    "kvox_ct_find_center": (Status, Context, CtGeometry, CtCorrection, _array, _numbers),
    "kvox_ct_consistency_init_sized": (None, POINTER(CtConsistency), c_size_t),
    "kvox_ct_data_check": (
        Status,
        Context,
        CtGeometry,
        CtCorrection,
        _array,
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
        POINTER(CtConsistency),
    ),
    "kvox_ct_window_name": (c_char_p, c_int32),
    "kvox_ct_window_by_name": (c_int32, c_char_p),
    "kvox_ct_filter_options_init_sized": (None, POINTER(CtFilterOptions), c_size_t),
    "kvox_ct_filter_plan_create": (Status, Context, CtGeometry, POINTER(CtFilterOptions), POINTER(CtFilterPlan)),
    "kvox_ct_filter_plan_destroy": (None, CtFilterPlan),
    "kvox_ct_filter_plan_memory": (Status, CtFilterPlan, POINTER(MemoryUse)),
    "kvox_ct_filter_execute": (Status, CtFilterPlan, Workspace, _array, _array),
    "kvox_ct_fbp_options_init_sized": (None, POINTER(CtFbpOptions), c_size_t),
    "kvox_ct_fbp_plan_create": (Status, Context, CtGeometry, POINTER(CtFbpOptions), POINTER(CtFbpPlan)),
    "kvox_ct_fbp_plan_destroy": (None, CtFbpPlan),
    "kvox_ct_fbp_plan_memory": (Status, CtFbpPlan, POINTER(MemoryUse)),
    "kvox_ct_fbp_plan_grid": (Status, CtFbpPlan, _grid),
    "kvox_ct_fbp_plan_provenance": (c_char_p, CtFbpPlan),
    "kvox_ct_fbp_execute": (Status, CtFbpPlan, Workspace, _array, Volume),
    "kvox_ct_stream_create": (Status, CtFbpPlan, Workspace, Volume, POINTER(CtStream)),
    "kvox_ct_stream_push": (Status, CtStream, c_int64, _array),
    "kvox_ct_stream_next": (c_int64, CtStream),
    "kvox_ct_stream_finish": (Status, CtStream),
    "kvox_ct_stream_seconds": (c_double, CtStream),
    "kvox_ct_stream_destroy": (None, CtStream),
    "kvox_ct_operator_options_init_sized": (None, POINTER(CtOperatorOptions), c_size_t),
    "kvox_ct_operator_create": (Status, Context, CtGeometry, POINTER(CtOperatorOptions), POINTER(CtOperator)),
    "kvox_ct_operator_grid": (Status, CtOperator, _grid),
    "kvox_ct_operator_destroy": (None, CtOperator),
    "kvox_ct_operator_memory": (Status, CtOperator, POINTER(MemoryUse)),
    "kvox_ct_project": (Status, CtOperator, Workspace, Volume, _array),
    "kvox_ct_backproject": (Status, CtOperator, Workspace, _array, Volume),
    # quality.h
    "kvox_quality_rmse": (Status, _array, _array, _array, _numbers),
    "kvox_quality_psnr": (Status, _array, _array, _array, c_double, _numbers),
    "kvox_quality_ssim": (Status, Context, _array, _array, c_double, _numbers),
    "kvox_quality_statistics": (Status, _array, _array, _numbers, _numbers),
    "kvox_quality_mtf_edge": (Status, Context, _array, _numbers, c_double, c_double, _numbers, c_int32),
    "kvox_quality_mtf_wire": (Status, Context, _array, _numbers, c_double, _numbers, c_int32),
    "kvox_quality_mtf_frequency": (Status, _numbers, c_int32, c_double, _numbers),
    "kvox_quality_nps": (Status, Context, _array, c_int32, _numbers, c_int32),
    "kvox_quality_uniformity": (Status, _array, _numbers, c_double, c_double, _numbers, _numbers),
    "kvox_quality_region_error": (Status, _array, _numbers, c_double, c_double, _numbers),
    # picture.h
    "kvox_picture_window": (Status, Context, _array, c_int32, c_double, c_double, _array),
    "kvox_picture_auto_window": (Status, Context, _array, c_double, c_double, _numbers, _numbers),
}

KVOX_IO: dict[str, tuple[Any, ...]] = {
    # io.h
    "kvox_io_read_volume": (Status, Context, c_char_p, POINTER(Volume)),
    "kvox_io_write_options_init_sized": (None, POINTER(IoWriteOptions), c_size_t),
    "kvox_io_write_volume": (Status, Context, c_char_p, Volume, POINTER(IoWriteOptions)),
    "kvox_io_read_array": (Status, Context, c_char_p, POINTER(IoArray)),
    "kvox_io_array_destroy": (None, IoArray),
    "kvox_io_array_view": (_array, IoArray),
    "kvox_io_write_array": (Status, Context, c_char_p, _array),
    "kvox_io_read_scan": (Status, Context, c_char_p, POINTER(IoScan)),
    "kvox_io_scan_destroy": (None, IoScan),
    "kvox_io_scan_projections": (_array, IoScan),
    "kvox_io_scan_flat": (_array, IoScan),
    "kvox_io_scan_dark": (_array, IoScan),
    "kvox_io_scan_angles_deg": (_numbers, IoScan),
    "kvox_io_write_scan": (Status, Context, c_char_p, _array, _array, _array, _numbers),
    "kvox_io_read_ct_geometry": (Status, Context, c_char_p, _numbers, POINTER(CtGeometry)),
    "kvox_io_write_ct_geometry": (Status, Context, c_char_p, CtGeometry),
    "kvox_io_detector_init_sized": (None, POINTER(IoDetector), c_size_t),
    "kvox_io_scan_detector": (c_int32, IoScan, POINTER(IoDetector)),
    "kvox_io_read_rtk_geometry": (Status, Context, c_char_p, POINTER(IoDetector), POINTER(CtGeometry)),
    "kvox_io_write_rtk_geometry": (Status, Context, c_char_p, CtGeometry),
    "kvox_io_read_ct_matrices": (Status, Context, c_char_p, POINTER(IoDetector), POINTER(CtGeometry)),
    "kvox_io_write_ct_matrices": (Status, Context, c_char_p, CtGeometry),
}


def _find(name: str) -> str:
    """Where a library lies: inside the package (a wheel), where KVOX_LIBRARY points, or in the system's places."""
    file = f"lib{name}.so"
    named = f"{file}.{VERSION.split('.')[0]}"
    inside = pathlib.Path(__file__).resolve().parent / file
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
