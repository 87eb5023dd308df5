"""Quality and pictures: each function against numpy or a value known in advance."""

import math

import numpy as np
import pytest

import kvox
from kvox import picture, quality

rng = np.random.default_rng(3)
TRUTH = rng.random((64, 64))
IMAGE = TRUTH + 0.1 * rng.standard_normal((64, 64))


def test_errors_are_numpy_s():
    mask = TRUTH > 0.3
    error = np.sqrt(np.mean((IMAGE - TRUTH)[mask] ** 2))
    assert quality.rmse(IMAGE, TRUTH, mask) == pytest.approx(error, rel=1e-12)
    assert quality.rmse(kvox.Volume(IMAGE), TRUTH[None]) == pytest.approx(
        np.sqrt(np.mean((IMAGE - TRUTH) ** 2)), rel=1e-12
    )
    assert quality.psnr(IMAGE, TRUTH, 2.0, mask) == pytest.approx(20 * np.log10(2 / error), rel=1e-12)
    assert math.isinf(quality.psnr(IMAGE, IMAGE, 1.0))
    mean, deviation = quality.statistics(IMAGE, mask)
    assert (mean, deviation) == pytest.approx((IMAGE[mask].mean(), IMAGE[mask].std()), rel=1e-3)


def test_a_mask_is_picked_by_what_is_not_zero():
    for mask in (TRUTH > 0.5, (TRUTH > 0.5).astype(np.uint8) * 7, np.where(TRUTH > 0.5, 0.25, 0)):
        assert quality.rmse(IMAGE, TRUTH, mask) == quality.rmse(IMAGE, TRUTH, TRUTH > 0.5)
    with pytest.raises(kvox.Error):
        quality.rmse(IMAGE, TRUTH, np.zeros_like(TRUTH))


def test_ssim_is_scikit_image_s():
    assert quality.ssim(TRUTH, TRUTH, 1.0) == pytest.approx(1, abs=1e-12)
    metrics = pytest.importorskip("skimage.metrics", reason="skipped: scikit-image is not installed")
    peer = metrics.structural_similarity(
        IMAGE, TRUTH, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert quality.ssim(IMAGE, TRUTH, 1.0) == pytest.approx(peer, abs=1e-6)


def test_the_mtf_of_a_sharp_disc():
    # A disc averaged over pixels: its edge has the pixel's own sinc.
    grid = kvox.Grid.centered((128, 128, 1), (1, 1, 1), (0.3, 0.7, 0))
    disc = kvox.phantom.Phantom("cylinder", radius_mm=50).fill(grid, 32, dtype=np.float64)
    curve = quality.mtf_edge(disc, (63.2, 62.8), 40, 5)
    assert curve.shape == (65,) and curve[0] == pytest.approx(1, abs=1e-6)
    half = quality.mtf_frequency(curve, 0.5)
    # sinc(f) = 0.5 at 0.603 along the axes, sinc(f / sqrt 2)^2 = 0.5 at 0.627 on the diagonals.
    assert 0.59 < half < 0.64


def test_noise_and_uniformity():
    noise = rng.standard_normal((128, 128))
    spectrum = quality.nps(noise, 32, 17)
    assert spectrum.shape == (17,)
    # White noise of variance 1: a flat spectrum of 1 away from zero, where a plane was taken off.
    assert spectrum[3:].mean() == pytest.approx(1, abs=0.1)
    flat = np.ones((101, 101))
    flat[:, 60:] = 1.5
    greatest, means = quality.uniformity(flat, (50, 50), 30, 5)
    assert abs(greatest) == 0.5 and means.tolist() == [1, 1.5, 1, 1, 1]
    assert quality.region_error(flat, (80, 50), 5, 1.0) == 0.5


def test_windows_are_dicom_s():
    values = np.array([[39, 40, 239, -1000, 3000, np.nan]], np.float32)
    assert picture.window(values, 40, 400).tolist() == [[127, 128, 255, 0, 255, 0]]
    levels = picture.window(values.T[::-1], 40, 400, "sigmoid", bits=16)
    assert levels.dtype == np.uint16 and levels.shape == (6, 1)
    with pytest.raises(kvox.Error, match="function is 'gamma'"):
        picture.window(values, 40, 400, "gamma")
    with pytest.raises(kvox.Error, match="bits is 12"):
        picture.window(values, 40, 400, bits=12)
    with pytest.raises(kvox.Error):
        picture.window(values, 40, 0)


def test_a_window_is_found_in_the_data():
    center, width = picture.auto_window(np.arange(1001.0), 0.1, 0.9)
    assert center == pytest.approx(500, abs=2) and width == pytest.approx(800, abs=4)
