"""kvox.mri against numpy: transforms, noise, coils, operators, and whole reconstructions of arrays."""

import numpy as np
import pytest

import kvox
from kvox import mri

RANDOM = np.random.default_rng(7)


def noise(*shape):
    """Complex normal numbers of variance 1."""
    return ((RANDOM.normal(size=shape) + 1j * RANDOM.normal(size=shape)) / np.sqrt(2)).astype(np.complex64)


def centred(kspace, axes=(-2, -1)):
    """numpy's centred, unitary transform in double."""
    kspace = np.fft.ifftshift(np.asarray(kspace, np.complex128), axes=axes)
    return np.fft.fftshift(np.fft.ifftn(kspace, axes=axes, norm="ortho"), axes=axes)


def close(got, wanted, tolerance=1e-6):
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < tolerance * np.abs(wanted).max()


def rss(images, axis=-3):
    return np.sqrt((np.abs(np.asarray(images, np.complex128)) ** 2).sum(axis))


@pytest.mark.parametrize("shape", [(8, 6), (7, 5), (3, 9, 8), (2, 3, 5, 6, 7), (1, 4, 1, 6, 12)])
def test_the_transform_is_numpy_s(shape):
    kspace = noise(*shape)
    axes = tuple(axis for axis in range(max(-3, -len(shape)), 0) if shape[axis] > 1)
    image = mri.to_image(kspace)
    close(image, centred(kspace, axes))
    close(mri.to_kspace(image), kspace, 2e-6)
    strided = np.zeros((*shape[:-1], 2 * shape[-1]), np.complex64)[..., ::2]
    strided[...] = kspace
    assert np.array_equal(mri.to_image(strided), image)
    assert np.array_equal(mri.to_image(kspace.astype(np.complex128)), image)


def test_sizes_windows_and_shifts_of_the_transform():
    kspace = noise(4, 1, 10, 12)
    plan = mri.Fourier((12, 10, 1), (24, 30, 1), (20, 16, 1))
    image = plan.to_image(kspace)
    filled = np.zeros((4, 1, 30, 24), complex)
    filled[:, :, 10:20, 6:18] = kspace
    close(image, centred(filled)[:, :, 7:23, 2:22] * np.sqrt(2 * 3), 2e-6)
    assert plan.memory.workspace > 0
    assert np.array_equal(mri.to_image(kspace, transform_size=(24, 30, 1), image_size=(20, 16, 1)), image)
    moved = mri.to_image(kspace, shift_px=(3, -2, 0))
    close(moved, np.roll(centred(kspace), (2, -3), (-2, -1)), 2e-6)
    x = np.abs(np.arange(12) - 6) / 6
    smooth = mri.to_image(kspace, window=("hann", "none", "none"))
    close(smooth, centred(kspace * (1 + np.cos(np.pi * x)) / 2), 2e-6)
    y = np.abs(np.arange(10) - 5)[:, None] / 5
    both = centred(kspace * (1 + np.cos(np.pi * x)) * (1 + np.cos(np.pi * y)) / 4)
    close(mri.to_image(kspace, window="hann"), both, 2e-6)
    close(mri.reconstruct(kspace, window="hann").array[0, 0], rss(both, 0)[0], 2e-6)
    close(mri.to_magnitude(kspace), rss(centred(kspace), 0)[None][0], 2e-6)
    out = np.empty_like(kspace)
    assert mri.to_image(kspace, out=out) is out
    with pytest.raises(kvox.Error, match="1 x 10 x 11"):
        plan.to_image(kspace[..., :-1])
    with pytest.raises(kvox.Error, match="window is 'kaiser'"):
        mri.to_image(kspace, window="kaiser")


def correlated(count):
    """Noise of three coils [coil, sample] and its covariance."""
    mix = np.array([[1, 0, 0], [0.5 + 0.2j, 2, 0], [0.1, -0.3j, 0.7]])
    return (mix @ noise(3, count)).astype(np.complex64), mix @ mix.conj().T


def test_noise_is_measured_and_whitened():
    samples, covariance = correlated(200_000)
    found = mri.Noise.from_samples(samples, sample_time_us=5)
    assert (found.coils, found.samples, found.sample_time_us) == (3, 200_000, 5)
    # sqrt(1 / N) of the variances: 0.0022 of at most 4.3, five times that.
    assert np.abs(found.covariance - covariance).max() < 0.05
    exact = np.einsum("is,js->ij", samples.astype(np.complex128), samples.conj().astype(np.complex128)) / 200_000
    assert np.abs(found.covariance - exact).max() < 1e-6
    white = found.whiten(samples[:, None, :])
    assert white.shape == (3, 1, 200_000)
    assert np.abs(np.einsum("ias,jas->ij", white, white.conj()) / 200_000 - np.eye(3)).max() < 1e-4
    close(white[:, 0], (found.whitening @ samples).astype(np.complex64), 1e-5)
    again = samples[:, None, :].copy()
    assert found.whiten(again, out=again) is again and np.array_equal(again, white)
    assert np.allclose(found.rescale(10).covariance, found.covariance / 2)
    known = mri.Noise(covariance)
    assert known.samples == 0 and np.allclose(known.covariance, covariance)
    readouts = [mri.Readout(samples[:, i : i + 100], use=mri.Use.NOISE) for i in range(0, 2000, 100)]
    assert np.allclose(
        mri.Noise.from_readouts(readouts).covariance, mri.Noise.from_samples(samples[:, :2000]).covariance
    )
    with pytest.raises(kvox.Error, match="coil"):
        found.whiten(noise(2, 4, 4))
    with pytest.raises(kvox.Error):
        mri.Noise(np.zeros((2, 2)))
    assert mri.snr_scale(256, 256) == pytest.approx(np.sqrt(2))


def test_coils_are_combined():
    j, i = np.indices((24, 20))
    seen = np.stack([1 + j / 24, 1 + 1j * i / 20, np.full((24, 20), 0.5 - 0.5j)]).astype(np.complex64)
    truth = ((i - 10) ** 2 + (j - 12) ** 2 < 49).astype(np.float32) * np.exp(0.1j * j)
    images = (seen * truth).astype(np.complex64)
    close(mri.root_sum_of_squares(images), rss(images), 1e-6)
    assert mri.root_sum_of_squares(images[:, None]).shape == (1, 24, 20)
    inside = truth != 0
    close(mri.combine(images, seen)[inside], truth[inside], 1e-5)
    maps = mri.walsh_maps(images, window=(3, 3, 0))
    assert maps.shape == images.shape
    combined = mri.combine(images, maps)
    # Sensitivities that turn slowly: the eigenvector is that of the voxel to some per cent of the window's change.
    assert np.abs(np.abs(combined) - rss(images))[inside].max() < 0.02 * np.abs(combined).max()
    relative = mri.relative_maps(images[:, None])
    assert np.allclose(rss(relative[:, 0])[inside], 1, atol=1e-5)
    smooth = mri.low_resolution(noise(3, 1, 32, 32), (48, 40, 1))
    assert smooth.shape == (3, 1, 40, 48)
    with pytest.raises(kvox.Error):
        mri.combine(images, seen[:2])


def test_coils_are_compressed():
    few = noise(2, 1, 16, 12)
    mix = noise(6, 2)
    kspace = np.einsum("cv,vzyx->czyx", mix, few).astype(np.complex64)
    compression = mri.Compression(kspace, 2)
    assert compression.energy == pytest.approx(1, abs=1e-6)
    virtual = compression(kspace)
    assert virtual.shape == (2, 1, 16, 12)
    close(rss(virtual, 0), rss(kspace, 0), 1e-5)
    close(virtual, np.einsum("vc,czyx->vzyx", compression.matrices[0], kspace), 1e-5)
    geometric = mri.Compression(kspace, 2, geometric=True)
    assert geometric.matrices.shape == (12, 2, 6)
    assert geometric(kspace[:, 0]).shape == (2, 16, 12)


def test_operators_compose_and_are_adjoint():
    maps = noise(3, 1, 10, 12)
    mask = RANDOM.random((10, 1)) < 0.5
    mask[0] = True
    coils = mri.Operator.coils(maps)
    fourier = mri.Operator.fourier(mri.Fourier((12, 10, 1)), (3,))
    taken = mri.Operator.gather((3, 1, 10, 12), np.broadcast_to(mask, (10, 12)))
    del maps
    measurement = taken @ fourier @ coils
    assert measurement.in_shape == (1, 10, 12) and measurement.out_shape == (3, 1, 12 * mask.sum())
    x, y = noise(*measurement.in_shape), noise(*measurement.out_shape)
    forward, adjoint = measurement(x), measurement.adjoint(y)
    assert np.abs(np.vdot(y, forward) - np.vdot(adjoint, x)) < 1e-5 * np.linalg.norm(forward) * np.linalg.norm(y)
    assert np.array_equal(measurement.H(y), adjoint)
    shifted = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(coils(x), axes=(2, 3)), axes=(2, 3), norm="ortho"), (2, 3))
    close(fourier(coils(x)), shifted, 2e-6)
    close(measurement(x).reshape(3, 1, -1, 12), shifted[:, :, mask[:, 0]], 2e-6)
    normal = measurement.H @ measurement
    close(normal(x), measurement.adjoint(forward), 1e-6)
    assert normal.shape == (120, 120) and np.array_equal(normal.matvec(x.ravel()), normal(x).ravel())
    assert np.array_equal(mri.Operator.crop((4, 5), (2, 7))(np.ones((4, 5)))[:, 1:6], np.ones((2, 5)))
    assert np.allclose(mri.Operator.scale((3,), 2j)(np.ones(3)), 2j)
    assert np.allclose(mri.Operator.modulation((2, 3), [1j, 2, 3])(np.ones((2, 3))), [[1j, 2, 3]] * 2)
    ramp = mri.Operator.phase_ramp((10, 12), (0, 2))
    close(mri.to_image(ramp(y.reshape(-1)[:120].reshape(10, 12))),
          np.roll(mri.to_image(y.reshape(-1)[:120].reshape(10, 12)), -2, 1), 1e-5)  # fmt: skip
    with pytest.raises(kvox.Error, match="3 x 1 x 10 x 12"):
        coils @ fourier
    with pytest.raises(kvox.Error):
        measurement(x[:, :-1])


def object_of(coils=4, size=(24, 20)):
    """k-space of a disc seen by coils, and its images."""
    j, i = np.indices(size)
    disc = ((i - size[1] // 2) ** 2 + (j - size[0] // 2) ** 2 < 40).astype(float)
    seen = np.stack([np.exp(1j * c) * (1 + 0.3 * np.cos(i / 9 + c) * np.sin(j / 7)) for c in range(coils)])
    images = seen * disc
    kspace = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(images, axes=(1, 2)), axes=(1, 2), norm="ortho"), (1, 2))
    return kspace.astype(np.complex64), images


def test_reconstruction_of_an_array_is_numpy_s():
    kspace, images = object_of()
    made = mri.reconstruct(kspace, field_of_view_mm=(200, 240, 5))
    close(made.array, rss(images)[None, None], 2e-6)
    assert made.grid.spacing_mm == pytest.approx((10, 10, 5))
    assert made.volume().shape == (1, 24, 20)
    separate = mri.reconstruct(kspace, combine="separate", complex=True)
    close(separate.array, images[None, :, None].astype(np.complex64), 2e-6)
    frames = mri.reconstruct(np.stack([kspace, 2 * kspace])[:, :, None], echo_ms=(3, 5))
    close(frames.array, np.stack([rss(images), 2 * rss(images)])[:, None], 2e-6)
    large = mri.reconstruct(kspace, size=(40, 48, 1))
    close(large.array[0, 0, ::2, ::2], rss(images), 1e-5)
    narrow = mri.reconstruct(kspace, image_size=(10, 24, 1))
    close(narrow.array[0, 0], rss(images)[:, 5:15], 2e-6)
    adaptive = mri.reconstruct(kspace, combine="adaptive", complex=True)
    assert np.abs(np.abs(adaptive.array[0, 0]) - rss(images)).max() < 0.05
    assert made.provenance["kvox"] and np.asarray(made).dtype == np.float32


def readouts(kspace):
    for y in range(kspace.shape[1]):
        yield mri.Readout(kspace[:, y], line=y)


def test_readouts_are_pushed_and_images_are_there_at_any_moment():
    kspace, images = object_of()
    protocol = mri.Protocol((20, 24, 1), encoded_mm=(200, 240, 5), coils=4)
    live = mri.Reconstruction(protocol)
    space = kvox.Workspace()
    out = np.empty((1, 1, 24, 20), np.float32)
    for readout in readouts(kspace):
        live.push(readout)
        if readout.line == 11:
            assert live.lines == (12, 24)
            half = np.where(np.arange(24)[:, None] < 12, kspace, 0)
            close(live.image(out=out, workspace=space).array[0, 0], rss(centred(half)), 2e-6)
    assert live.lines == (24, 24) and live.shape == (1, 1, 1, 24, 20)
    close(live.image(out=out, workspace=space).array[0, 0], rss(images), 2e-6)
    assert live.memory.plan > 0 and "fourier" in space.stages
    assert np.array_equal(out, mri.reconstruct(kspace).array)


def test_what_is_refused_has_no_part_in_the_image():
    kspace, images = object_of()
    live = mri.Reconstruction(mri.Protocol((20, 24, 1), coils=4))
    live.push_all(readouts(kspace))
    with pytest.raises(kvox.Error, match="line 24"):
        live.push(mri.Readout(kspace[:, 0], line=24))
    with pytest.raises(kvox.Error, match="coil"):
        live.push(mri.Readout(kspace[:3, 0]))
    with pytest.raises(kvox.Error, match="sample"):
        live.push(mri.Readout(kspace[:, 0, :19]))
    bad = kspace[:, 0].copy()
    bad[2, 3] = np.nan
    with pytest.raises(kvox.Error, match="NaN"):
        live.push(mri.Readout(bad))
    with pytest.raises(kvox.Error, match="must be \\[coil, sample\\]"):
        live.push(mri.Readout(kspace))
    close(live.image().array[0, 0], rss(images), 2e-6)
    with pytest.raises(kvox.Error, match="combine is 'sum'"):
        mri.Reconstruction(mri.Protocol((4, 4, 1)), combine="sum")
    with pytest.raises(kvox.Error, match="limits of 'time'"):
        mri.Reconstruction(mri.Protocol((4, 4, 1), limits={"time": mri.Limits(0, 3)}))
    with pytest.raises(kvox.Error, match="axes"):
        mri.reconstruct(np.ones(4))


def test_noise_and_its_units():
    kspace = noise(3, 64, 60)
    samples, covariance = correlated(20_000)
    mixed = (np.linalg.cholesky(covariance) @ kspace.reshape(3, -1)).reshape(kspace.shape).astype(np.complex64)
    made = mri.reconstruct(mixed, noise=mri.Noise(covariance, 1.0), combine="separate", snr=True, complex=True).array
    # Units of the standard deviation of a real part, of 3840 samples each.
    assert made.real.std() == pytest.approx(1, abs=0.03) and made.imag.std() == pytest.approx(1, abs=0.03)
    assert np.abs(np.corrcoef(made[0, :, 0].reshape(3, -1)) - np.eye(3)).max() < 0.06
    live = mri.Reconstruction(mri.Protocol((60, 64, 1), coils=3), combine="separate", snr=True)
    for i in range(0, 20_000, 100):
        live.push(mri.Readout(samples[:, i : i + 100], use=mri.Use.NOISE))
    live.push_kspace(mixed)
    assert live.image(complex=True).array.real.std() == pytest.approx(1, abs=0.03)


def test_ramps_and_ghosts():
    assert mri.Ramp(mri.Ramps(), 8)(np.arange(8.0), True).tolist() == list(range(7, -1, -1))
    ramps = mri.Ramps(160, 240, 160, 32, 3.1, 160, 3)
    positions = mri.ramp_positions(ramps, 160, 160)
    assert positions[-1] - positions[0] == pytest.approx(159) and (np.diff(positions) > 0).all()
    ramp = mri.Ramp(ramps, 160)
    assert 80 <= ramp.pixels <= 160 and 1 <= ramp.noise_gain < 1.2
    x = np.arange(160) - 80
    image = np.exp(-(x**2) / 600).astype(complex)
    samples = np.exp(-2j * np.pi * np.outer(positions, x) / 160) @ image / np.sqrt(160)
    close(ramp(samples), np.exp(-2j * np.pi * np.outer(x, x) / 160) @ image / np.sqrt(160), 1e-3)

    reversed = np.arange(32) % 2
    lines = noise(2, 1, 32, 40) + 3
    true = [mri.Ghost(0.3, 0.02, 0.0), mri.Ghost(-0.2, 0.01, 0.002)]
    for c, ghost in enumerate(true):
        t = np.arange(40) - 20
        factor = np.exp(ghost.log_gain_per_px * t + 1j * (ghost.constant_rad + ghost.linear_rad_per_px * t))
        lines[c, 0, 1::2] *= factor
    clean = mri.remove_ghost(lines, reversed, true)
    ratio = (clean[:, 0, 1::2] * clean[:, 0, ::2].conj()).sum(1)
    assert np.abs(np.angle(ratio.sum(1))).max() < 0.05
    found = mri.ghost_from_navigators(np.moveaxis(lines[:, 0], 1, 0), reversed)
    for ghost, wanted in zip(found, true, strict=True):
        # Of 40 pixels and 16 pairs with a signal of 3: 1 / (3 sqrt(640)) = 0.013.
        assert ghost.constant_rad == pytest.approx(wanted.constant_rad, abs=0.06)
        assert ghost.linear_rad_per_px == pytest.approx(wanted.linear_rad_per_px, abs=0.006)
    with pytest.raises(kvox.Error, match="reversed"):
        mri.remove_ghost(lines, reversed[:-1], true)
    with pytest.raises(kvox.Error, match="ghosts"):
        mri.remove_ghost(lines, reversed, true[:1])


def test_threads_change_no_bit():
    kspace, _ = object_of()
    images = [
        mri.reconstruct(kspace, combine="adaptive", complex=True, context=kvox.Context(threads=n)).array
        for n in (1, 2, 5)
    ]
    assert np.array_equal(images[0], images[1]) and np.array_equal(images[0], images[2])


def test_partial_fourier():
    size, lost = 64, 16
    j, i = np.indices((size, size)) - size // 2
    image = ((i / 20) ** 2 + (j / 25) ** 2 < 1) * (2 + np.sign(np.sin(i / 4))) * np.exp(1j * (0.02 * i + 0.0008 * j**2))
    kspace = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(image), norm="ortho")).astype(np.complex64)
    part = kspace.copy()
    part[:lost] = 0
    zeros = np.linalg.norm(mri.to_image(part) - image)
    for method in ("homodyne", "pocs"):
        plan = mri.PartialFourier((size, size, 1), (0, lost, 0), method=method)
        made = plan.to_image(part)
        assert made.shape == image.shape
        assert np.linalg.norm(made - image) < 0.5 * zeros
        close(mri.to_image(plan.to_kspace(part)), made, 1e-5)
    filled = mri.PartialFourier((size, size, 1), (0, lost, 0), method="zero-fill")
    close(filled.to_image(part), mri.to_image(part), 1e-6)
    for cut in (part, part.T):
        whole = mri.reconstruct(cut, partial="pocs", combine="separate", complex=True)
        assert np.linalg.norm(whole.array[0, 0, 0] - (image if cut is part else image.T)) < 0.5 * zeros
    with pytest.raises(kvox.Error):
        mri.PartialFourier((size, size, 1), (0, 40, 0))
