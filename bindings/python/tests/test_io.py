"""Files: round trips, and readers' refusals."""

import os
import pathlib

import numpy as np
import pytest

import kvox
from kvox import io

rng = np.random.default_rng(4)
GRID = kvox.Grid((5, 4, 3), (1.0, 2.0, 3.0), (0.5, 0.6, 2.0), ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))


TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]


@pytest.mark.parametrize(
    "name, dtype", [(name, dtype) for name in ("v.npy", "v.mha", "v.mhd") for dtype in TYPES] + [("v.npy", "f2")]
)
def test_a_volume_comes_back(tmp_path, name, dtype):
    volume = kvox.Volume(rng.integers(0, 100, GRID.shape).astype(dtype), GRID)
    for compress in (False, True):
        io.write_volume(tmp_path / name, volume, compress=compress and name != "v.npy")
        again = io.read_volume(str(tmp_path / name))
        assert again.array.dtype == volume.array.dtype and np.array_equal(again.array, volume.array)
        if name != "v.npy":
            assert again.grid == GRID


def test_any_strides_are_written(tmp_path):
    array = rng.random((6, 7, 8)).astype(np.float32).transpose(2, 0, 1)[::-2, :, ::3]
    io.write_volume(tmp_path / "v.mha", array)
    io.write_array(tmp_path / "a.npy", array)
    assert np.array_equal(io.read_volume(tmp_path / "v.mha").array, array)
    assert np.array_equal(np.load(tmp_path / "a.npy"), array)


def test_numpy_reads_and_writes_the_same_npy(tmp_path):
    for array in (rng.random((3, 4)), np.asfortranarray(rng.random((3, 4, 5))), np.arange(7, dtype=np.int16)):
        np.save(tmp_path / "n.npy", array)
        assert np.array_equal(io.read_array(tmp_path / "n.npy"), array)
        io.write_array(tmp_path / "k.npy", array)
        assert np.array_equal(np.load(tmp_path / "k.npy"), array)


def test_a_picture_comes_back(tmp_path):
    for levels in (rng.integers(0, 256, (9, 11)).astype(np.uint8), rng.integers(0, 65536, (9, 11)).astype(np.uint16)):
        io.write_array(tmp_path / "p.png", levels)
        assert np.array_equal(io.read_array(tmp_path / "p.png"), levels)
    volume = kvox.Volume(rng.random((3, 9, 11)).astype(np.float32))
    io.write_volume(tmp_path / "s.png", volume, slice=2, window=(0.5, 1.0), function="linear-exact", bits=16)
    expected = kvox.picture.window(volume.array[2], 0.5, 1.0, "linear-exact", bits=16)
    assert np.array_equal(io.read_array(tmp_path / "s.png"), expected)


def test_a_scan_comes_back(tmp_path):
    projections = rng.integers(0, 60000, (8, 2, 16)).astype(np.uint16)
    flat, dark = projections[:3] + 1, projections[:2] // 2
    angles = np.arange(8) * 22.5
    io.write_scan(tmp_path / "s.h5", projections, flat, dark, angles)
    scan = io.read_scan(tmp_path / "s.h5")
    for got, given in zip(
        (scan.projections, scan.flat, scan.dark, scan.angles_deg), (projections, flat, dark, angles), strict=True
    ):
        assert got.dtype == given.dtype and np.array_equal(got, given)
    io.write_scan(tmp_path / "s.npy", projections)
    bare = io.read_scan(tmp_path / "s.npy")
    assert np.array_equal(bare.projections, projections)
    assert bare.flat is None and bare.dark is None and bare.angles_deg is None


def test_a_geometry_comes_back(tmp_path):
    geometry = kvox.ct.Geometry.parallel((90, 4, 65), column_pitch_mm=0.5, row_pitch_mm=2, center_px=30.5)
    io.write_geometry(tmp_path / "g.json", geometry)
    again = io.read_geometry(tmp_path / "g.json")
    assert again.shape == geometry.shape and again.center_px == 30.5 and again.unit == "1/mm"
    assert np.allclose(again.angles_deg, geometry.angles_deg, atol=1e-12)
    assert again.default_grid == geometry.default_grid
    assert io.read_geometry(tmp_path / "g.json", center_px=31.25).center_px == 31.25
    assert again.with_center(33.5).center_px == 33.5


def test_views_given_one_by_one_come_back(tmp_path):
    cone = kvox.ct.Geometry.cone((7, 4, 6), source_to_axis_mm=50, source_to_detector_mm=90, column_pitch_mm=0.7)
    sagging = kvox.ct.Geometry.from_views([cone.view(i) for i in range(7)], 4, 6)
    io.write_geometry(tmp_path / "views.json", sagging)
    again = io.read_geometry(tmp_path / "views.json")
    assert not again.is_circular and [again.view(i) for i in range(7)] == [sagging.view(i) for i in range(7)]
    with pytest.raises(kvox.Error, match="no common center"):
        again.with_center(2.5)


@pytest.mark.parametrize("name", ["g.xml", "g.npy", "g.txt"])
def test_geometries_of_others_come_back(tmp_path, name):
    cone = kvox.ct.Geometry.cone(
        (9, 4, 6), source_to_axis_mm=50, source_to_detector_mm=90, column_pitch_mm=0.7, column_offset_px=0.3
    )
    if name == "g.xml":
        io.write_rtk_geometry(tmp_path / name, cone)
        again = io.read_rtk_geometry(tmp_path / name, 4, 6, column_pitch_mm=0.7)
        assert again.is_circular
        # Where the images begin says the same as that they are centred.
        placed = io.read_rtk_geometry(tmp_path / name, 4, 6, column_pitch_mm=0.7, origin_mm=(-0.7 * 2.5, -0.7 * 1.5))
        assert placed.center_px == pytest.approx(cone.center_px, abs=1e-12)
        assert again.with_center(3.5).center_px == pytest.approx(3.5, abs=1e-12)
    else:
        io.write_matrices(tmp_path / name, cone)
        again = io.read_matrices(tmp_path / name, 4, 6, column_pitch_mm=0.7)
    for view in range(9):
        assert np.allclose(again.matrix(view), cone.matrix(view), atol=1e-11)


def test_an_rtk_geometry_that_is_wrong_is_refused_by_line(tmp_path):
    (tmp_path / "g.xml").write_text("<RTKThreeDCircularGeometry version='3'>\n<Tilt>1</Tilt>\n")
    with pytest.raises(kvox.Error, match="g.xml: line 2: <Tilt> is no element"):
        io.read_rtk_geometry(tmp_path / "g.xml", 4, 6, column_pitch_mm=0.7)


@pytest.mark.parametrize("read", [io.read_volume, io.read_array, io.read_scan, io.read_geometry])
def test_what_is_no_file_or_no_such_file_is_refused(tmp_path, read):
    for name, content, statuses in (
        ("missing.npy", None, {kvox.Status.ERROR_IO}),
        ("short.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9, 9), }", None),
        ("empty.json", b"", None),
        ("odd.xyz", b"1", None),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(kvox.Error) as caught:
            read(tmp_path / name)
        if name == "missing.npy" and read is not io.read_geometry:
            assert caught.value.status in statuses
        assert len(str(caught.value)) > 10
    with pytest.raises(kvox.Error, match="zero byte"):
        read("a\0b.npy")


def test_a_path_may_have_any_letters(tmp_path):
    for name in ("größe und länge.npy", os.fsdecode(b"\xff\xfe.npy")):
        io.write_array(tmp_path / name, np.arange(4.0))
        assert np.array_equal(io.read_array(tmp_path / name), np.arange(4.0))


def test_the_tooth_is_found_and_reconstructed():
    folder = os.environ.get("KVOX_DATA")
    if not folder or not (path := pathlib.Path(folder) / "ct" / "tooth.h5").exists():
        pytest.skip("skipped: KVOX_DATA is not set, so there is no real scan")
    scan = io.read_scan(path)
    assert scan.projections.shape == (181, 2, 640)
    geometry = kvox.ct.Geometry.parallel(scan.projections.shape, scan.angles_deg)
    center = kvox.ct.find_center(scan.projections, geometry, flat=scan.flat, dark=scan.dark)
    assert center == pytest.approx(296, abs=2)  # what the data's own description says
    volume = kvox.ct.reconstruct(scan.projections, geometry, center=center, flat=scan.flat, dark=scan.dark)
    assert volume.shape == (2, 640, 640) and np.isfinite(volume.array).all()
    # Tooth against the air round it.
    j, i = np.indices((640, 640)) - 319.5
    assert volume.array[:, np.hypot(i, j) < 60].mean() > 5 * abs(volume.array[:, np.hypot(i, j) > 290].mean())
