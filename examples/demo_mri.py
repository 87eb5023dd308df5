"""The MRI part of the demo.

Every file of KVOX_DATA's mri/ becomes a contact sheet. Beside them, and where there are none, a simulated scan: 8 coils
see the T1 head of Debian's package mricron-data (the average of 27 scans of one person), k-space gets noise, and its
readouts are pushed one by one as a scanner would.
"""

import gzip
import json
import os
import pathlib
import struct
import subprocess
import time

import numpy as np

import kvox
from kvox import mri

HEAD = pathlib.Path("/usr/share/mricron/templates/ch2.nii.gz")
COILS, MATRIX = 8, (192, 224, 160)  # samples x, y, z
SPACING_MM = (1.0, 1.0, 1.4)
SHOWN = (192, 224, 224)  # voxels of 1 mm


def read_nifti(path):
    """The samples [k, j, i] of a NIfTI-1 file, turned so that indices run to the left, posterior, superior (LPS)."""
    data = gzip.decompress(path.read_bytes())
    order = "<" if struct.unpack("<i", data[:4])[0] == 348 else ">"
    size = struct.unpack(f"{order}8h", data[40:56])[1:4]
    kinds = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 512: "u2"}
    kind = np.dtype(kinds[struct.unpack(f"{order}h", data[70:72])[0]]).newbyteorder(order)
    start = int(struct.unpack(f"{order}f", data[108:112])[0])
    volume = np.frombuffer(data, kind, np.prod(size), start).reshape(size[::-1]).astype(np.float32)
    # The rows of the matrix to right, anterior, superior; this template's axes are upright.
    rows = np.array(struct.unpack(f"{order}12f", data[280:328])).reshape(3, 4)[:, :3]
    steps = np.sign(np.diag(rows)).astype(int) * (-1, -1, 1)
    return volume[:: steps[2], :: steps[1], :: steps[0]]


def in_the_middle(volume, shape):
    """The volume in the middle of a larger one of zeros."""
    large = np.zeros(shape, np.float32)
    begin = [(n - m) // 2 for n, m in zip(shape, volume.shape)]
    large[tuple(slice(b, b + m) for b, m in zip(begin, volume.shape))] = volume
    return large


def sensitivities(step_mm=8):
    """What each coil sees, one after the other [z, y, x]: smooth, so that a coarse grid and straight lines between its
    points do."""
    coarse = kvox.Grid((25, 29, 29), (-95.5, -111.5, -111.5), (step_mm,) * 3)
    maps = kvox.phantom.Coils.loops(COILS // 2, 2, radius_mm=118).maps(coarse)
    lines = []
    for shown, points in zip(SHOWN, coarse.size):
        at = np.arange(shown) / step_mm
        lines.append(np.maximum(1 - np.abs(at[:, None] - np.arange(points)), 0).astype(np.float32))
    for one in maps:
        yield np.einsum("kz,jy,ix,zyx->kji", *lines[::-1], one, optimize=True)


def simulate(truth, random):
    """k-space [coil, z, y, x] of the head and noise readouts [readout, coil, x], both with the coils' noise; and how
    much all coils together see of a voxel, as a scanner knows it from a scan of reference."""
    x, y, z = MATRIX
    transform = mri.Fourier(MATRIX, SHOWN, SHOWN)
    # Neighbouring coils share some of their noise; its deviation is a thirtieth of white matter's signal.
    mix = np.eye(COILS) + 0.3 * np.eye(COILS, k=1) + 0.2j * np.eye(COILS, k=-1)
    mix *= np.median(truth[truth > 0.5 * truth.max()]) / 30

    def noise(lines):
        white = random.standard_normal((lines, x, 2 * COILS), np.float32).view(np.complex64) / np.sqrt(2)
        return np.moveaxis(white @ mix.T.astype(np.complex64), -1, 1)  # [line, coil, sample]

    kspace, together = np.empty((COILS, z, y, x), np.complex64), np.zeros_like(truth)
    for coil, seen in enumerate(sensitivities()):
        # The adjoint of a transform that fills with zeros; the fewer samples it has, the more each of them holds.
        transform.to_kspace(seen * truth, out=kspace[coil])
        together += seen.real**2 + seen.imag**2
        kspace[coil] *= np.prod(MATRIX) / np.prod(SHOWN)
    for part in range(z):
        kspace[:, part] += np.moveaxis(noise(y), 1, 0)
    return kspace, noise(256), np.sqrt(together)


def readouts(kspace, noise):
    """As a scanner gives them: noise, then line after line of partition after partition."""
    place = dict(read_axis=(1, 0, 0), phase_axis=(0, 1, 0), slice_axis=(0, 0, 1), sample_time_us=5)
    for samples in noise:
        yield mri.Readout(samples, use=mri.Use.NOISE, sample_time_us=5)
    for z in range(kspace.shape[1]):
        lines = np.ascontiguousarray(np.moveaxis(kspace[:, z], 0, 1))
        for y, samples in enumerate(lines):
            yield mri.Readout(samples, line=y, partition=z, **place)


def scan(kspace, noise, combine):
    """The images, seconds of pushing all readouts but the last, of the last one and the image, and the workspace."""
    protocol = mri.Protocol(MATRIX, encoded_mm=tuple(n * mm for n, mm in zip(MATRIX, SPACING_MM)), coils=COILS)
    live, space = mri.Reconstruction(protocol, combine=combine, size=SHOWN), kvox.Workspace()
    pushing, last = 0.0, None
    for readout in readouts(kspace, noise):
        if last is not None:
            start = time.perf_counter()
            live.push(last)
            pushing += time.perf_counter() - start
        last = readout
    live.image(workspace=space)  # a scanner has made pictures before the last readout
    start = time.perf_counter()
    live.push(last)
    images = live.image(workspace=space)
    return images, pushing, time.perf_counter() - start, space


def head(out, save, planes):
    if not HEAD.exists():
        print(f"{HEAD} is not there (Debian's mricron-data): the simulated MRI scan is left out")
        return []
    samples = " x ".join(map(str, MATRIX))
    print(f"T1 head of mricron-data, SIMULATED as a scan of {COILS} coils: {samples} samples, noise")
    truth = in_the_middle(read_nifti(HEAD), SHOWN[::-1])
    start = time.perf_counter()
    kspace, noise, together = simulate(truth, np.random.default_rng(1))
    simulating = time.perf_counter() - start
    images, pushing, finishing, space = scan(kspace, noise, "rss")
    shown = images.volume(0).array / together
    middle = SHOWN[2] // 2, SHOWN[1] // 2, SHOWN[0] // 2 - 5
    factor = np.median(truth[truth > 0.5 * truth.max()]) / np.median(shown[truth > 0.5 * truth.max()])
    both = np.vstack([planes(truth, *middle), planes(shown * factor, *middle)])
    save(out / "mri_head.png", both, *kvox.picture.auto_window(both, 0.01, 0.995))
    lines, voxels = MATRIX[1] * MATRIX[2], " x ".join(map(str, SHOWN))
    return [
        (f"MRI, 3D, {COILS} coils, {lines} readouts", pushing, None, f"{1e6 * pushing / lines:.0f} us a readout pushed"),
        ("  last readout to the image", finishing, None, f"{voxels} voxels, root sum of squares"),
        *((f"  of this {name}", seconds, None, "") for name, seconds in space.stages.items()),
        ("  simulating it", simulating, None, ""),
    ]


def files(out, folder):
    """The command makes a contact sheet of every file."""
    table = []
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".h5", ".dat", ".npy"):
            continue
        picture = out / f"mri_{path.stem}.png"
        command = [os.environ.get("KVOX", "kvox"), "mri", path, "--json", "--quiet", "-o", picture]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        said = json.loads(done.stdout)
        print(f"  {picture}")
        size = " x ".join(map(str, said["size"]))
        seconds = said["seconds"]
        table.append((f"MRI, {path.name}", seconds["compute"], None,
                      f"{said['readouts']['image']} readouts of {said['protocol']['coils']} coils to {size}, "
                      f"read in {seconds['read']:.3f} s"))
    return table


def run(out, data, save, planes):
    table = head(out, save, planes)
    folder = pathlib.Path(data, "mri") if data else None
    if folder and folder.is_dir():
        print("MRI, measured: every file of KVOX_DATA's mri/")
        table += files(out, folder)
    else:
        print("KVOX_DATA is not set or has no mri/: measured MRI scans are left out")
    return table
