"""Phantoms by name, their values, line integrals and voxel averages."""

import numpy as np
import pytest

import kvox
from kvox.phantom import Phantom


def test_every_name_makes_a_phantom():
    known = kvox.phantom.names()
    assert {"shepp-logan", "shepp-logan-original", "forbild-head", "cylinder", "discs", "wire", "edge"} <= set(known)
    for name, line in known.items():
        assert line and Phantom(name).name == name


def test_a_cylinder_is_a_disc_of_four_fifths():
    cylinder = Phantom("cylinder", radius_mm=10, density=0.5)
    assert cylinder.value((7.9, 0, 3)) == 0.5 and cylinder.value((8.1, 0, 3)) == 0
    assert cylinder.line_integral((0, 0, 0), (1, 0, 0)) == pytest.approx(8, rel=1e-12)
    grid = kvox.Grid.centered((40, 40, 1), (0.5, 0.5, 1))
    filled = cylinder.fill(grid, 16, dtype=np.float64)
    # The area of the disc, by 16 x 16 points in the voxels that its edge crosses.
    assert filled.array.sum() * 0.25 == pytest.approx(0.5 * np.pi * 64, rel=1e-4)


def test_wrong_phantoms_are_refused():
    with pytest.raises(kvox.Error, match="nobody"):
        Phantom("nobody")
    with pytest.raises(kvox.Error):
        Phantom("discs", radius_mm=-1)
    with pytest.raises(kvox.Error):
        Phantom("discs").fill(kvox.Grid.centered((4, 4, 1), (1, 1, 1)), 0)
    with pytest.raises(kvox.Error):
        Phantom("discs").fill(kvox.Grid.centered((4, 4, 1), (1, 1, 1)), dtype=np.int16)
