"""libkvox-io: io.h, io_mri.h."""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from typing import Any

from .base import Context, Options, Status, Volume, array, numbers
from .ct import CtGeometry
from .mri import MriProtocol, MriReadout


class IoArray(c_void_p):
    pass


class IoScan(c_void_p):
    pass


class IoMri(c_void_p):
    pass


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


KVOX_IO: dict[str, tuple[Any, ...]] = {
    # io.h
    "kvox_io_read_volume": (Status, Context, c_char_p, POINTER(Volume)),
    "kvox_io_write_options_init_sized": (None, POINTER(IoWriteOptions), c_size_t),
    "kvox_io_write_volume": (Status, Context, c_char_p, Volume, POINTER(IoWriteOptions)),
    "kvox_io_read_array": (Status, Context, c_char_p, POINTER(IoArray)),
    "kvox_io_array_destroy": (None, IoArray),
    "kvox_io_array_view": (array, IoArray),
    "kvox_io_write_array": (Status, Context, c_char_p, array),
    "kvox_io_read_scan": (Status, Context, c_char_p, POINTER(IoScan)),
    "kvox_io_scan_destroy": (None, IoScan),
    "kvox_io_scan_projections": (array, IoScan),
    "kvox_io_scan_flat": (array, IoScan),
    "kvox_io_scan_dark": (array, IoScan),
    "kvox_io_scan_angles_deg": (numbers, IoScan),
    "kvox_io_write_scan": (Status, Context, c_char_p, array, array, array, numbers),
    "kvox_io_read_ct_geometry": (Status, Context, c_char_p, numbers, POINTER(CtGeometry)),
    "kvox_io_write_ct_geometry": (Status, Context, c_char_p, CtGeometry),
    "kvox_io_detector_init_sized": (None, POINTER(IoDetector), c_size_t),
    "kvox_io_scan_detector": (c_int32, IoScan, POINTER(IoDetector)),
    "kvox_io_read_rtk_geometry": (Status, Context, c_char_p, POINTER(IoDetector), POINTER(CtGeometry)),
    "kvox_io_write_rtk_geometry": (Status, Context, c_char_p, CtGeometry),
    "kvox_io_read_ct_matrices": (Status, Context, c_char_p, POINTER(IoDetector), POINTER(CtGeometry)),
    "kvox_io_write_ct_matrices": (Status, Context, c_char_p, CtGeometry),
    # io_mri.h
    "kvox_io_mri_open": (Status, Context, c_char_p, POINTER(IoMri)),
    "kvox_io_mri_close": (None, IoMri),
    "kvox_io_mri_protocol": (Status, IoMri, POINTER(MriProtocol)),
    "kvox_io_mri_readouts": (c_int64, IoMri),
    "kvox_io_mri_read": (Status, IoMri, c_int64, POINTER(MriReadout)),
}
