"""200 calls of each kind leave nothing behind, neither in Python's memory nor in the process."""

import gc
import os
import tracemalloc

import numpy as np
import pytest

import kvox

SIZE = 33


def resident():
    """Bytes of memory the process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def reconstruct(scan, path):
    context = kvox.Context(threads=2, log=lambda level, text: None)
    volume = kvox.ct.reconstruct(scan, np.arange(36) * 5.0, center=15.5, context=context, progress=lambda _: None)
    return volume.array[:1].copy(), volume.provenance, context.describe()


def fail(scan, path):
    def stop(fraction):
        raise ValueError

    with pytest.raises(ValueError):
        kvox.ct.reconstruct(scan, np.arange(36) * 5.0, progress=stop)
    with pytest.raises(kvox.Error):
        kvox.ct.reconstruct(scan, np.arange(36) * 1.0)


def pair(scan, path):
    operator = kvox.ct.Operator(kvox.ct.Geometry.parallel(scan.shape))
    return operator.adjoint(operator.forward(np.ones(operator.grid.shape)))


def files(scan, path):
    kvox.io.write_scan(path / "s.h5", scan, scan[:1], None, np.arange(36.0))
    kvox.io.write_volume(path / "v.mha", scan)
    return kvox.io.read_scan(path / "s.h5").projections[1:], kvox.io.read_volume(path / "v.mha").array[1:]


def readouts(scan, path):
    kspace = scan[:, :, :32].view(np.complex64)
    live = kvox.mri.Reconstruction(kvox.mri.Protocol((16, 36, 1), coils=2), combine="adaptive", noise="ignore")
    for line in range(len(kspace)):
        live.push(kvox.mri.Readout(kspace[line], line=line))
    with pytest.raises(kvox.Error):
        live.push(kvox.mri.Readout(kspace[0], line=99))
    images = live.image(complex=True)
    operator = kvox.mri.Operator.fourier(kvox.mri.Fourier((16, 36, 1)))
    return images.volume(0), images.array[:, 1:], (operator.H @ operator)(images.array[0])


@pytest.mark.parametrize("work", [reconstruct, fail, pair, files, readouts])
def test_nothing_is_left(work, tmp_path):
    scan = np.ones((36, 2, SIZE), np.float32)
    tracemalloc.start()
    try:
        for _ in range(200):  # until the free lists of Python and numpy are as long as they get
            work(scan, tmp_path)
        gc.collect()
        before, resident_before = tracemalloc.get_traced_memory()[0], resident()
        for _ in range(200):
            work(scan, tmp_path)
        gc.collect()
        after, resident_after = tracemalloc.get_traced_memory()[0], resident()
    finally:
        tracemalloc.stop()
    # One lost array of 36 x 2 x 33 floats a call would be 1.9 MB, one lost object of 100 bytes 20 kB.
    assert after - before < 20_000
    assert resident_after - resident_before < 1_500_000
