"""Measured raw files against reconstructions by numpy; wants KVOX_DATA."""

import os
import pathlib

import numpy as np
import pytest

import kvox
from kvox import mri

FOLDER = pathlib.Path(os.environ.get("KVOX_DATA", "/nowhere")) / "mri"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="skipped: KVOX_DATA has no folder mri")


def sorted_lines(path):
    """k-space [coil, line, sample] and the protocol of a Cartesian scan of one slice."""
    with mri.open(path) as file:
        protocol = file.protocol
        kspace = np.zeros((protocol.coils, protocol.encoded_size[1], protocol.encoded_size[0]), np.complex128)
        for readout in file:
            kspace[:, readout.line] = readout.data
    return kspace, protocol


def by_numpy(kspace, protocol):
    image = np.fft.ifftn(np.fft.ifftshift(kspace, axes=(1, 2)), axes=(1, 2), norm="ortho")
    kept, whole = protocol.image_size[0], protocol.encoded_size[0]
    return np.fft.fftshift(image, axes=(1, 2))[:, :, whole // 2 - kept // 2 :][:, :, :kept]


@pytest.mark.parametrize("name", ["gre_phantom_2ch.h5", "siemens_ve_gre.dat", "sphere_32ch.h5"])
def test_scans_equal_numpy_s(name):
    kspace, protocol = sorted_lines(FOLDER / name)
    images = by_numpy(kspace, protocol)
    magnitude = np.sqrt((np.abs(images) ** 2).sum(0))
    made = mri.reconstruct(FOLDER / name, noise="ignore")
    assert made.array.shape == (1, 1, *magnitude.shape)
    assert np.abs(made.array[0, 0] - magnitude).max() < 2e-6 * magnitude.max()
    coils = mri.reconstruct(FOLDER / name, noise="ignore", combine="separate", complex=True)
    assert np.abs(coils.array[0, :, 0] - images).max() < 2e-6 * np.abs(images).max()


def test_both_formats_of_a_scan_give_the_same_image():
    made = [mri.reconstruct(FOLDER / name) for name in ("gre_phantom_2ch.h5", "siemens_ve_gre.dat")]
    assert np.array_equal(made[0].array, made[1].array)
    # The .dat tells where the slice was; the .h5 was written with axes x, y, z about the origin.
    assert made[1].grid.axes[0] == pytest.approx((1, 0, 0), abs=1e-6)
    assert made[1].grid.axes[1] == pytest.approx((0, -0.99926, 0.03839), abs=1e-4)
    middle = made[1].grid.index_to_world([80, 80, 0])
    with mri.open(FOLDER / "siemens_ve_gre.dat") as file:
        assert middle == pytest.approx(file[0].position_mm, abs=1e-3)


def test_epi_has_no_ghost_to_speak_of():
    whole = mri.reconstruct(FOLDER / "siemens_ve_epi.dat").array[0, 0]
    without = mri.reconstruct(FOLDER / "siemens_ve_epi.dat", ghost="off").array[0, 0]
    same = mri.reconstruct(FOLDER / "epi_phantom_2ch.h5").array[0, 0]
    assert np.array_equal(whole, same)
    # Columns beside the sphere's upper quarter hold air, but for the ghost of its widest part half the image away.
    signal = whole[30:50, 30:50].mean()
    ghost = [np.sqrt((image[:4, 30:50] ** 2).mean()) / signal for image in (whole, without)]
    assert ghost[0] < ghost[1]


def test_a_file_is_a_sequence_of_readouts(tmp_path):
    with mri.open(FOLDER / "siemens_ve_epi.dat") as file:
        assert len(file) == 83
        last = file[-1]
        assert last.data.shape == (2, 160) and last.data.dtype == np.complex64
        every = list(file)
        assert np.array_equal(every[82].data, last.data) and every[82].counters == last.counters
        uses = [readout.use for readout in every]
        assert sum(mri.Use.PHASE_CORRECTION in use for use in uses) == 3
        assert sum(mri.Use.REVERSE in use for use in uses) == 42
        assert file.protocol.ramps.samples == 160 and file.protocol.trajectory == "epi"
        with pytest.raises(IndexError):
            file[83]
    with pytest.raises(kvox.Error, match="closed"):
        len(file)
    cut = tmp_path / "cut.dat"
    cut.write_bytes((FOLDER / "siemens_ve_epi.dat").read_bytes()[:50_000])
    with pytest.raises(kvox.Error, match="cut.dat"):
        mri.reconstruct(cut)


def test_what_is_pushed_is_what_is_read():
    with mri.open(FOLDER / "siemens_ve_epi.dat") as file:
        live = mri.Reconstruction(file.protocol)
        for readout in file:
            live.push(readout)
    assert np.array_equal(live.image().array, mri.reconstruct(FOLDER / "siemens_ve_epi.dat").array)
