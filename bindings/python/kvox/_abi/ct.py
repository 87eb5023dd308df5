"""Computed tomography: ct.h."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from .base import (
    Array,
    Context,
    Grid,
    MemoryUse,
    Options,
    Phantom,
    Status,
    Volume,
    Workspace,
    array,
    grid,
    numbers,
    sizes,
)

CT_PARALLEL, CT_FAN, CT_CONE = range(3)
CT_OPERATOR_AUTO, CT_OPERATOR_PIXEL_DRIVEN, CT_OPERATOR_JOSEPH = range(3)
CT_DATA_FIT, CT_DATA_FIT_ANOTHER, CT_DATA_FIT_NONE, CT_DATA_CANNOT_TELL = range(4)
CT_AS_GIVEN, CT_DIRECTION, CT_COLUMNS_FLIPPED, CT_ROWS_FLIPPED = range(4)
CT_COLUMN_OFFSET, CT_SOURCE_DISTANCE, CT_ANGLE_STEP = range(4, 7)
CT_RAMP, CT_SHEPP_LOGAN, CT_COSINE, CT_HAMMING, CT_HANN, CT_CUSTOM = range(6)


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


class CtView(ctypes.Structure):
    _fields_ = [
        ("angle_deg", c_double),
        ("source_mm", c_double * 3),
        ("detector_mm", c_double * 3),
        ("column_step_mm", c_double * 3),
        ("row_step_mm", c_double * 3),
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
        ("beyond", c_double),
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


CT: dict[str, tuple[Any, ...]] = {
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
        numbers,
        c_int64,
        POINTER(CtGeometry),
    ),
    "kvox_ct_geometry_from_astra": (
        Status,
        Context,
        c_int32,
        c_int64,
        c_int64,
        numbers,
        c_int64,
        POINTER(CtGeometry),
    ),
    "kvox_ct_geometry_to_astra": (Status, CtGeometry, numbers),
    "kvox_ct_geometry_destroy": (None, CtGeometry),
    "kvox_ct_geometry_beam": (c_int32, CtGeometry),
    "kvox_ct_geometry_is_circular": (c_int32, CtGeometry),
    "kvox_ct_geometry_distances": (Status, CtGeometry, numbers, numbers),
    "kvox_ct_geometry_pitch": (Status, CtGeometry, numbers),
    "kvox_ct_geometry_matrix": (Status, CtGeometry, c_int64, numbers),
    "kvox_ct_geometry_shape": (Status, CtGeometry, sizes),
    "kvox_ct_geometry_view": (Status, CtGeometry, c_int64, POINTER(CtView)),
    "kvox_ct_geometry_center_px": (c_double, CtGeometry),
    "kvox_ct_geometry_unit": (c_int32, CtGeometry),
    "kvox_ct_geometry_default_grid": (Status, CtGeometry, grid),
    "kvox_ct_geometry_weights": (Status, CtGeometry, numbers),
    "kvox_ct_geometry_check": (Status, CtGeometry, grid, c_char_p, c_size_t, POINTER(c_size_t)),
    "kvox_ct_simulate": (Status, Context, CtGeometry, Phantom, array),
    "kvox_ct_add_noise": (Status, Context, c_double, c_uint64, array),
    "kvox_ct_correction_options_init_sized": (None, POINTER(CtCorrectionOptions), c_size_t),
    "kvox_ct_correction_create": (Status, Context, POINTER(CtCorrectionOptions), POINTER(CtCorrection)),
    "kvox_ct_correction_destroy": (None, CtCorrection),
    "kvox_ct_correction_bad_pixels": (c_int64, CtCorrection),
    "kvox_ct_correct": (Status, Context, CtCorrection, array, array),
    "kvox_ct_find_center": (Status, Context, CtGeometry, CtCorrection, array, numbers),
    "kvox_ct_consistency_init_sized": (None, POINTER(CtConsistency), c_size_t),
    "kvox_ct_data_check": (
        Status,
        Context,
        CtGeometry,
        CtCorrection,
        array,
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
    "kvox_ct_filter_execute": (Status, CtFilterPlan, Workspace, array, array),
    "kvox_ct_fbp_options_init_sized": (None, POINTER(CtFbpOptions), c_size_t),
    "kvox_ct_fbp_plan_create": (Status, Context, CtGeometry, POINTER(CtFbpOptions), POINTER(CtFbpPlan)),
    "kvox_ct_fbp_plan_destroy": (None, CtFbpPlan),
    "kvox_ct_fbp_plan_memory": (Status, CtFbpPlan, POINTER(MemoryUse)),
    "kvox_ct_fbp_plan_grid": (Status, CtFbpPlan, grid),
    "kvox_ct_fbp_plan_provenance": (c_char_p, CtFbpPlan),
    "kvox_ct_fbp_execute": (Status, CtFbpPlan, Workspace, array, Volume),
    "kvox_ct_stream_create": (Status, CtFbpPlan, Workspace, Volume, POINTER(CtStream)),
    "kvox_ct_stream_push": (Status, CtStream, c_int64, array),
    "kvox_ct_stream_next": (c_int64, CtStream),
    "kvox_ct_stream_finish": (Status, CtStream),
    "kvox_ct_stream_seconds": (c_double, CtStream),
    "kvox_ct_stream_destroy": (None, CtStream),
    "kvox_ct_operator_options_init_sized": (None, POINTER(CtOperatorOptions), c_size_t),
    "kvox_ct_operator_create": (Status, Context, CtGeometry, POINTER(CtOperatorOptions), POINTER(CtOperator)),
    "kvox_ct_operator_grid": (Status, CtOperator, grid),
    "kvox_ct_operator_destroy": (None, CtOperator),
    "kvox_ct_operator_memory": (Status, CtOperator, POINTER(MemoryUse)),
    "kvox_ct_project": (Status, CtOperator, Workspace, Volume, array),
    "kvox_ct_backproject": (Status, CtOperator, Workspace, array, Volume),
}
