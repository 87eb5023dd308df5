"""Arrays and volumes on an OpenCL device; skipped where this machine has none."""

import gc

import numpy as np
import pytest

import kvox

random = np.random.default_rng(5)
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8", "c8"]


@pytest.fixture(scope="module")
def context():
    if not any(device.unusable == "" for device in kvox.devices()):
        pytest.skip("skipped: this machine has no OpenCL device")
    return kvox.Context(backend="opencl")


@pytest.mark.parametrize("dtype", TYPES)
def test_arrays_go_there_and_back(context, dtype):
    for given in (random.integers(0, 99, (5, 7, 3)), random.integers(0, 99, (4, 6)).T, np.array([3])):
        array = given.astype(dtype)
        there = context.to_device(array)
        assert there.shape == array.shape and there.dtype == array.dtype and len(there) == len(array)
        back = there.to_host()
        assert back.dtype == array.dtype and np.array_equal(back, array)
        turned = np.zeros(array.shape[::-1], dtype).T
        assert there.to_host(turned) is turned and np.array_equal(turned, array)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[1:3],
        np.s_[::2, ::-1, 1:5:3],
        np.s_[-1],
        np.s_[..., 2],
        np.s_[2, :, 1],
        np.s_[:, None, 1:3],
        np.s_[1:2, ..., ::-2],
        np.s_[None, ..., None],
    ],
)
def test_slices_are_views(context, index):
    array = random.integers(0, 1000, (5, 4, 7)).astype("i4")
    there = context.to_device(array)
    view = there[index]
    assert view.shape == array[index].shape
    assert np.array_equal(view.to_host(), array[index])
    array[index] = random.integers(0, 1000, array[index].shape)
    view.copy_from(array[index].copy())
    assert np.array_equal(there.to_host(), array)


def test_a_view_keeps_the_memory(context):
    view = context.to_device(np.arange(1000, dtype="f4"))[500:]
    gc.collect()
    others = [kvox.DeviceArray((1000,), context=context) for _ in range(4)]
    assert all((other.to_host() == 0).all() for other in others)
    assert np.array_equal(view.to_host(), np.arange(500, 1000, dtype="f4"))


def test_what_cannot_be_is_refused(context):
    there = context.to_device(np.zeros((3, 4), "f4"))
    with pytest.raises(kvox.Error, match="lies on an OpenCL device; copy it with to_host"):
        np.asarray(there)
    with pytest.raises(kvox.Error, match="lies on an OpenCL device; this call reads the host's memory"):
        kvox.quality.statistics(there)
    with pytest.raises(kvox.Error, match="lies on an OpenCL device"):
        kvox.sha256(there)
    with pytest.raises(kvox.Error, match="converts nothing"):
        there.to_host(np.zeros((3, 4)))
    with pytest.raises(kvox.Error, match="shape is 3 x 5, must be 3 x 4"):
        there.to_host(np.zeros((3, 5), "f4"))
    with pytest.raises(IndexError):
        there[3]
    with pytest.raises(IndexError):
        there[1:1]
    with pytest.raises(IndexError):
        there[0, 0, 0]
    with pytest.raises(IndexError):
        there[0, 0]
    for shape in ((0,), (-1, 4), (1 << 40, 1 << 40)):
        with pytest.raises(kvox.Error):
            kvox.DeviceArray(shape, context=context)
    with pytest.raises(kvox.Error, match="computes on the CPU"):
        kvox.Context(backend="cpu").to_device(np.zeros(3))


def test_volumes_live_on_the_device(context, tmp_path):
    grid = kvox.Grid((5, 4, 3), (1.0, 2.0, 3.0), (0.5, 0.6, 2.0))
    volume = kvox.Volume.zeros(grid, np.int16, context, device=True)
    assert volume.location == "opencl" and volume.shape == (3, 4, 5) and "int16" in repr(volume)
    assert isinstance(volume.array, kvox.DeviceArray) and (volume.array.to_host() == 0).all()
    samples = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    view = volume.array
    view.copy_from(samples)
    volume.unit, volume.provenance = "HU", {"made by": "hand"}
    host = volume.to_host()
    assert host.location == "host" and np.array_equal(host.array, samples)
    assert host.grid == grid and host.unit == "HU" and host.provenance == {"made by": "hand"}
    assert host.to_host() is host
    del volume
    gc.collect()
    assert np.array_equal(view.to_host(), samples)
    there = host.to_device(context)
    assert there.location == "opencl" and there.unit == "HU" and there.grid == grid
    assert np.array_equal(there.to_host().array, samples)
    with pytest.raises(kvox.Error, match="lies on an OpenCL device"):
        np.asarray(there)
    with pytest.raises(kvox.Error, match="lies on an OpenCL device"):
        kvox.io.write_volume(tmp_path / "v.mha", there)
    slice_ = kvox.Volume(there.array[1], spacing_mm=(0.5, 0.6, 2))
    assert slice_.shape == (1, 4, 5) and np.array_equal(slice_.to_host().array[0], samples[1])


def test_ct_takes_arrays_of_the_device(context, head):
    plan = kvox.ct.FBP(head.geometry, context=context)
    truth = plan(head.projections)
    there = context.to_device(head.projections)
    out = kvox.Volume.zeros(plan.grid, context=context, device=True)
    assert plan(there, out=out) is out
    assert np.array_equal(out.to_host().array, truth.array)
    assert np.array_equal(plan(there).to_host().array, truth.array)
