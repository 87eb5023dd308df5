"""Beside scikit-image's iradon: the same sinogram, grid and truth."""

import numpy as np
import pytest

import kvox

transform = pytest.importorskip("skimage.transform", reason="skipped: scikit-image is not installed")

COLUMNS = 257
VIEWS = 400


def both(name):
    """Kvox's slice, iradon's with its rows turned to ours, the truth, and who is within 0.95 R."""
    geometry = kvox.ct.Geometry.parallel((VIEWS, COLUMNS))
    phantom = kvox.phantom.Phantom(name, radius_mm=0.98 * COLUMNS / 2)
    sinogram = kvox.ct.simulate(phantom, geometry, dtype=np.float64)[:, 0]
    ours = kvox.ct.reconstruct(sinogram, geometry)
    theirs = transform.iradon(sinogram.T, geometry.angles_deg, filter_name="ramp", circle=True)[::-1]
    truth = phantom.fill(ours.grid, 16, dtype=np.float64).array[0]
    j, i = np.indices(truth.shape) - (COLUMNS - 1) / 2
    return ours.array[0], theirs, truth, np.hypot(i, j) < 0.95 * COLUMNS / 2


@pytest.mark.parametrize("name", ["shepp-logan", "discs"])
def test_the_error_is_no_more_than_iradon_s(name):
    ours, theirs, truth, mask = both(name)
    error, peer = kvox.quality.rmse(ours, truth, mask), kvox.quality.rmse(theirs, truth, mask)
    print(f"{name}: RMSE {error:.5f}, iradon {peer:.5f}, ratio {error / peer:.4f}")
    assert error <= 1.005 * peer


def test_both_stand_the_same_way_up():
    ours, theirs, truth, mask = both("discs")
    # Unlike all its mirror images: turned wrongly, the two would differ by far more than either from the truth.
    between = kvox.quality.rmse(ours, theirs, mask)
    assert between < kvox.quality.rmse(ours, truth, mask)
    assert kvox.quality.rmse(ours, theirs[::-1], mask) > 10 * between


def test_flat_tissue_is_within_half_a_percent():
    ours, _, truth, mask = both("shepp-logan")
    flat = mask & (truth == truth[128, 128])
    assert flat.sum() > 1000
    # The tissue at the middle is one level of the phantom; its mean against the span of the phantom's values.
    assert abs(ours[flat].mean() - truth[128, 128]) < 0.005 * (truth.max() - truth.min())
