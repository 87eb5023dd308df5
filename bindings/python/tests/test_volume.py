"""Grids and volumes: memory, frame, unit, provenance."""

import gc
import weakref

import numpy as np
import pytest

import kvox

OBLIQUE = kvox.Grid((5, 4, 3), (1.0, 2.0, 3.0), (0.5, 0.6, 2.0), ((0.0, 1.0, 0.0), (-0.6, 0.0, 0.8), (0.0, 0.0, 1.0)))


def test_a_grid_is_centred():
    grid = kvox.Grid.centered((4, 5, 6), (0.5, 1, 2), (10, 20, 30))
    assert grid.shape == (6, 5, 4)
    assert grid.index_to_world([[1.5, 2, 2.5]]).tolist() == [[10, 20, 30]]
    assert grid.index_to_world([0, 0, 0]).tolist() == list(grid.origin_mm) == [9.25, 18, 25]


@pytest.mark.parametrize(
    "size, spacing, words",
    [
        ((4, 4), (1, 1, 1), "size has 2 numbers"),
        ((4, 4, 0), (1, 1, 1), "z size is 0"),
        ((4, 4, 4), (1, -1, 1), "y spacing is -1"),
        ((4, 4, 4), (1, 1, float("nan")), "z spacing"),
        ((1 << 70, 4, 4), (1, 1, 1), "64 bits"),
        ((1 << 40, 1 << 40, 4), (1, 1, 1), "2\\^63"),
    ],
)
def test_a_wrong_grid_is_refused(size, spacing, words):
    with pytest.raises(kvox.Error, match=words):
        kvox.Grid.centered(size, spacing)


def test_a_volume_is_the_array_it_was_given():
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    volume = kvox.Volume(array, OBLIQUE, unit="HU")
    assert volume.array is array and np.asarray(volume) is array
    assert volume.shape == (3, 4, 5) and volume.unit == "HU" and volume.grid == OBLIQUE
    array[1, 2, 3] = -1
    assert volume.array[1, 2, 3] == -1
    assert np.array(volume) is not array and np.asarray(volume, np.float32).dtype == np.float32
    assert "5 x 4 x 3 int16" in repr(volume)


def test_any_strides_make_a_volume():
    array = np.arange(60, dtype=np.float64).reshape(5, 4, 3).T[::-1]
    volume = kvox.Volume(array, spacing_mm=(1, 2, 3))
    assert volume.grid == kvox.Grid.centered((5, 4, 3), (1, 2, 3))
    assert np.shares_memory(volume.array, array)
    assert kvox.Volume(array[0]).shape == (1, 4, 5)


def test_a_volume_lets_its_array_go():
    class Array(np.ndarray):
        pass

    array = np.zeros((3, 4, 5), np.float32).view(Array)
    volume = kvox.Volume(array)
    gone = weakref.ref(volume.array)
    del array
    gc.collect()
    assert volume.array.sum() == 0
    del volume
    gc.collect()
    assert gone() is None


def test_the_view_outlives_a_volume_of_the_library(tmp_path):
    kvox.io.write_volume(tmp_path / "v.mha", np.full((30, 40, 50), 3.5, np.float32))
    volume = kvox.io.read_volume(tmp_path / "v.mha")
    view = volume.array[3:5]
    del volume
    gc.collect()
    assert [kvox.io.read_volume(tmp_path / "v.mha").array.mean() for _ in range(4)] == [3.5] * 4
    assert (view == 3.5).all()


def test_frame_and_unit_can_be_changed():
    volume = kvox.Volume(np.zeros((3, 4, 5), np.float32))
    assert volume.unit == "arbitrary" and volume.slice_origins_mm is None and volume.provenance == {}
    volume.grid, volume.unit = OBLIQUE, "1/mm"
    assert volume.grid == OBLIQUE and volume.unit == "1/mm"
    assert np.allclose(volume.index_to_world((2, 1, 0.5)), OBLIQUE.index_to_world((2, 1, 0.5)))
    origins = np.array([[0, 0, 0], [0, 1, 2], [0, 2.5, 4]])
    volume.slice_origins_mm = origins
    assert np.array_equal(volume.slice_origins_mm, origins)
    assert np.allclose(volume.index_to_world((0, 0, 2)), origins[2])
    volume.slice_origins_mm = None
    assert volume.slice_origins_mm is None
    volume.provenance = {"made by": "hand", "steps": [1, 2.5]}
    assert volume.provenance == {"made by": "hand", "steps": [1, 2.5]}


def test_wrong_frames_and_units_are_refused():
    volume = kvox.Volume(np.zeros((3, 4, 5), np.float32))
    with pytest.raises(kvox.Error) as caught:
        volume.grid = kvox.Grid.centered((5, 4, 2), (1, 1, 1))
    assert caught.value.status == kvox.Status.ERROR_SIZE
    with pytest.raises(kvox.Error, match="unit is 'mm'"):
        volume.unit = "mm"
    with pytest.raises(kvox.Error, match="must be 9 numbers"):
        volume.slice_origins_mm = np.zeros((2, 3))
    with pytest.raises(kvox.Error) as caught:
        kvox.Volume(np.zeros((3, 4, 5)), kvox.Grid.centered((3, 4, 5), (1, 1, 1)))
    assert caught.value.status == kvox.Status.ERROR_SIZE
    with pytest.raises(kvox.Error):
        kvox.Volume(np.zeros((2, 3, 4, 5)), OBLIQUE)
