"""Reconstruction and the matched pair with arrays that stay on an OpenCL device; skipped where there is none."""

import numpy as np
import pytest

import kvox

random = np.random.default_rng(8)


@pytest.fixture(scope="module")
def context():
    if not any(device.unusable == "" for device in kvox.devices()):
        pytest.skip("skipped: this machine has no OpenCL device")
    return kvox.Context(backend="opencl", forbid_fallback=True)


@pytest.fixture(scope="module")
def geometry(context):
    return kvox.ct.Geometry.parallel((40, 5, 33), column_pitch_mm=1.0, context=context)


def test_a_reconstruction_stays_where_its_projections_are(context, geometry):
    projections = random.integers(0, 999, geometry.shape).astype(np.uint16)
    on_host = kvox.ct.reconstruct(projections, geometry)
    there = kvox.ct.reconstruct(context.to_device(projections), geometry)
    assert on_host.location == "host" and there.location == "opencl"
    assert on_host.provenance["backend"] == "opencl"
    assert np.array_equal(there.to_host().array, on_host.array)
    plan = kvox.ct.FBP(geometry)
    out = kvox.Volume.zeros(plan.grid, context=context, device=True)
    assert plan(projections, out=out) is out and plan.memory.device > 0
    assert np.array_equal(out.to_host().array, on_host.array)
    cpu = kvox.ct.reconstruct(projections, geometry, context=kvox.Context(backend="cpu"))
    # Sums of 40 values near 1e3 in another transform's rounding.
    assert np.abs(cpu.array - on_host.array).max() < 1e-5 * np.abs(cpu.array).max()
    with pytest.raises(kvox.Error, match="projections"):
        kvox.ct.FBP(geometry, context=kvox.Context(backend="cpu"))(context.to_device(projections))


def test_the_pair_chains_on_the_device(context, geometry):
    pair = kvox.ct.Operator(geometry)
    x = random.random(pair.grid.shape, np.float32)
    forward = pair.forward(context.to_device(x))
    assert isinstance(forward, kvox.DeviceArray) and forward.shape == geometry.shape
    back = pair.adjoint(forward)
    assert isinstance(back, kvox.DeviceArray)
    assert np.array_equal(forward.to_host(), pair.forward(x))
    assert np.array_equal(back.to_host(), pair.adjoint(pair.forward(x)))
