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


def test_kspace_is_that_of_the_image():
    grid = kvox.Grid.centered((48, 40, 1), (0.5, 0.6, 1))
    cylinder, coils = Phantom("cylinder", radius_mm=10, density=0.5), kvox.phantom.Coils.loops(4, radius_mm=10)
    single, seen, maps = cylinder.kspace(grid), cylinder.kspace(grid, coils), coils.maps(grid)
    assert single.shape == (1, 1, 40, 48) and seen.shape == maps.shape == (4, 1, 40, 48) and len(coils) == 4
    # In the middle of k-space: the area, over that of the field of view.
    assert single[0, 0, 20, 24] == pytest.approx(0.5 * np.pi * 64 / 576 * np.sqrt(1920), rel=1e-6)
    image = kvox.mri.combine(kvox.mri.to_image(seen), maps)
    truth = kvox.mri.to_image(single)[0]
    assert np.linalg.norm(image - truth) < 0.02 * np.linalg.norm(truth)
    y, x = np.mgrid[-20:20, -24:24]
    points = cylinder.kspace_points(grid, np.stack([x, y], -1), coils)
    assert np.array_equal(points, seen[:, 0])


def test_coils_by_their_formula():
    frequencies, weights = [(0.01, 0, 0), (0, 0.02, 0.005)], [(1, 0.5j), (0, 2), (1j, 1 - 1j)]
    coils = kvox.phantom.Coils(frequencies, weights)
    grid = kvox.Grid.centered((5, 4, 3), (10, 11, 12))
    at = grid.index_to_world(np.stack(np.meshgrid(*map(np.arange, grid.size), indexing="ij"), -1)).transpose(2, 1, 0, 3)
    want = np.einsum("cj,zyxj->czyx", weights, np.exp(2j * np.pi * at @ np.transpose(frequencies)))
    assert np.abs(coils.maps(grid) - want).max() < 1e-6
    with pytest.raises(kvox.Error, match="must be"):
        kvox.phantom.Coils(frequencies, [(1, 2, 3)])
    with pytest.raises(kvox.Error, match="coils"):
        kvox.phantom.Coils.loops(0)
    with pytest.raises(kvox.Error, match="no closed form"):
        Phantom("forbild-head").kspace(grid)


def test_wrong_phantoms_are_refused():
    with pytest.raises(kvox.Error, match="nobody"):
        Phantom("nobody")
    with pytest.raises(kvox.Error):
        Phantom("discs", radius_mm=-1)
    with pytest.raises(kvox.Error):
        Phantom("discs").fill(kvox.Grid.centered((4, 4, 1), (1, 1, 1)), 0)
    with pytest.raises(kvox.Error):
        Phantom("discs").fill(kvox.Grid.centered((4, 4, 1), (1, 1, 1)), dtype=np.int16)
