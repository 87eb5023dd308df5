"""What the tests share. Run with the package installed, or with PYTHONPATH=bindings/python and KVOX_LIBRARY set."""

import os
import pathlib
from types import SimpleNamespace

# Threads that wait must not hold the cores that others need; read when the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np  # noqa: E402
import pytest  # noqa: E402

import kvox  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def root():
    """The source tree."""
    return ROOT


@pytest.fixture(scope="session")
def head():
    """Shepp-Logan in 1/mm within 40 mm, half a turn, three rows."""
    geometry = kvox.ct.Geometry.parallel((180, 3, 129), column_pitch_mm=0.7)
    phantom = kvox.phantom.Phantom("shepp-logan", radius_mm=40, density=0.02)
    projections = kvox.ct.simulate(phantom, geometry)
    projections.flags.writeable = False
    return SimpleNamespace(geometry=geometry, phantom=phantom, projections=projections)


@pytest.fixture
def within():
    """within(grid, radius_mm): which voxels [k, j, i] lie within a radius of the axis."""

    def mask(grid, radius_mm):
        k, j, i = np.indices(grid.shape)
        position = grid.index_to_world(np.stack([i, j, k], -1))
        return np.hypot(position[..., 0], position[..., 1]) < radius_mm

    return mask
