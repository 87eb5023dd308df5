"""Maps of kvox.mri against what they were simulated from."""

import numpy as np
import pytest

import kvox
from kvox import mri

RANDOM = np.random.default_rng(5)
J, I = np.indices((20, 24))  # noqa: E741


def echoes(times, field_hz, t2star_ms, coils=2):
    seen = np.stack([(1 + c + I / 24) * np.exp(1j * (c + J / 20)) for c in range(coils)])
    return np.stack([seen * np.exp(-t / t2star_ms + 2e-3j * np.pi * field_hz * t) for t in times]).astype(np.complex64)


def test_magnitude_and_phase():
    images = (RANDOM.normal(size=(3, 5, 7)) + 1j * RANDOM.normal(size=(3, 5, 7))).astype(np.complex64)
    assert np.allclose(mri.magnitude(images), np.abs(images), rtol=1e-6)
    assert np.abs(mri.phase(images) - np.angle(images)).max() < 2e-6
    out = np.empty((3, 5), np.float32)
    assert mri.phase(images[..., 2], out=out) is out


def test_the_field_and_t2star_of_echoes():
    times, field = (3.0, 5.0, 8.0), 100.0 * np.sin(I / 5)
    images = echoes(times, field, 15 + J)
    found = mri.field_map(images, times)
    assert found.field_hz.shape == field.shape
    assert np.abs(found.field_hz - field).max() < 0.01
    # The coils' signal grows with I.
    assert (np.diff(found.weight.mean(0)) > 0).all()
    assert np.array_equal(mri.field_map(images[:, :, None], times).field_hz[0], found.field_hz)
    fit = mri.t2star(np.linalg.norm(images, axis=1), times)
    assert np.abs(fit.t2star_ms - (15 + J)).max() < 0.01
    assert np.allclose(fit.r2star_per_s, 1000 / (15 + J), rtol=1e-3)
    assert np.allclose(fit.s0, np.hypot(1 + I / 24, 2 + I / 24), rtol=1e-3)
    rough = mri.t2star(np.linalg.norm(images, axis=1), times, method="log-linear")
    assert np.abs(rough.t2star_ms - (15 + J)).max() < 0.01
    with pytest.raises(kvox.Error, match="echo_ms"):
        mri.field_map(images, times[:2])
    with pytest.raises(kvox.Error):
        mri.field_map(images, (3, 2, 8))


def test_maps_of_arrays_on_a_device():
    if not any(device.unusable == "" for device in kvox.devices()):
        pytest.skip("skipped: this machine has no OpenCL device")
    context, times = kvox.Context(backend="opencl"), (3.0, 5.0, 8.0)
    images = echoes(times, 100.0 * np.sin(I / 5), 15 + J)
    there = context.to_device(images)
    assert np.array_equal(mri.phase(there).to_host(), mri.phase(images, context=context))
    magnitudes = mri.magnitude(there)
    assert np.abs(magnitudes.to_host() - np.abs(images)).max() < 1e-6
    for method in ("least-squares", "log-linear"):
        found = mri.t2star(magnitudes[:, 0], times, method=method)
        assert np.abs(found.t2star_ms.to_host() - (15 + J)).max() < 0.01


def test_unwrapping():
    truth = (0.02 * (I - 12) ** 2 + 0.05 * (J - 10) ** 2).astype(np.float32)
    wrapped = np.angle(np.exp(1j * truth)).astype(np.float32)
    turns = (mri.unwrap(wrapped) - truth) / (2 * np.pi)
    assert np.abs(turns - np.rint(turns.flat[0])).max() < 1e-5
    inside = (I - 12) ** 2 + (J - 10) ** 2 < 60
    masked = mri.unwrap(np.where(inside, wrapped, np.nan), mask=inside)
    assert (masked[~inside] == 0).all()
    turns = (masked - truth)[inside] / (2 * np.pi)
    assert np.abs(turns - np.rint(turns[0])).max() < 1e-5
    stack = np.stack([wrapped, wrapped])
    assert mri.unwrap(stack, dimensions=2, out=stack) is stack
    cycles = mri.unwrap(wrapped / (2 * np.pi), period=1)
    assert np.abs(np.rint(cycles - truth / (2 * np.pi)) - (cycles - truth / (2 * np.pi))).max() < 1e-5


def test_the_ratio_of_signal_to_noise_by_replicas():
    kspace = mri.to_kspace(10 * echoes((0.0,), 0.0 * I, 20)[0])[:, None]
    noise = mri.Noise(np.diag([1.0, 4.0]))
    weights = np.array([1, 0.5]).reshape(2, 1, 1, 1)

    def sum_of(k):
        return (weights * mri.to_image(k)).sum(0)

    found = mri.replica_snr(kspace, noise, sum_of, replicas=400, seed=3)
    signal = np.abs(sum_of(kspace))
    # Noise of the sum: variance 1 + 0.25 * 4 = 2, half of it in phase; 400 replicas tell it to 3.5 %.
    assert found.snr.shape == signal.shape
    assert np.median(found.deviation) == pytest.approx(1, rel=0.02)
    assert np.median(found.snr / signal) == pytest.approx(1, rel=0.02)
    again = mri.replica_snr(kspace, noise, sum_of, replicas=400, seed=3)
    assert np.array_equal(found.snr, again.snr)
    magnitude = mri.replica_snr(kspace, noise, mri.Fourier((24, 20, 1)), replicas=50)
    assert magnitude.snr.shape == (1, 20, 24) and (magnitude.snr > 1).all()

    def fails(k):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mri.replica_snr(kspace, noise, fails)
    calls = []

    def fails_later(k):
        calls.append(1)
        if len(calls) > 3:
            raise KeyError("later")
        return sum_of(k)

    with pytest.raises(KeyError, match="later"):
        mri.replica_snr(kspace, noise, fails_later)
