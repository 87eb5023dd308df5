"""The cases of MRI: k-space of all coils to the root sum of squares of their images.

The truth is the same in double precision. Every peer transforms centred and unitary, in single precision.
"""

import os
import statistics
import sys
import time

import measure
import numpy as np
import peer_bart
import peer_kvox
import peer_scipy
import peer_sigpy
import scenes

# Coils, slices, size, and whether slices are transformed too.
CASES = {"mri-2d": (16, 32, 512, False), "mri-3d": (8, 256, 256, True)}
PEERS = {"kvox": peer_kvox, "bart": peer_bart, "sigpy": peer_sigpy, "scipy": peer_scipy}
SMALL = (3, 6, 20, True)
SAME = 1e-5
BUDGET_S = 60  # of one peer's repetitions


def title(name):
    coils, slices, size, volume = CASES[name]
    return f"{name}: {coils} coils, " + (f"{size}^3" if volume else f"{slices} x {size}^2")


def transform(images, axes):
    """Image to k-space, centred and unitary, in the precision of the images."""
    import scipy.fft

    shifted = scipy.fft.ifftshift(images, axes=axes)
    shifted = scipy.fft.fftn(shifted, axes=axes, norm="ortho", overwrite_x=True, workers=os.cpu_count())
    return scipy.fft.fftshift(shifted, axes=axes)


def make(coils, slices, size, volume):
    """k-space c64 [coil, z, y, x] of a head seen by coils around it, with noise; the true magnitude f64."""
    head = scenes.averages(scenes.SHEPP_LOGAN, size / 2, size, (-(size // 2), -(size // 2)), samples=2)
    along_z = np.hanning(slices + 2)[1:-1, None, None]
    at = (np.arange(size) - size // 2) / (size / 2)
    random = np.random.default_rng(3)
    kspace = np.empty((coils, slices, size, size), np.complex64)
    for c in range(coils):
        angle = 2 * np.pi * c / coils
        distance2 = (at[None, :] - np.cos(angle)) ** 2 + (at[:, None] - np.sin(angle)) ** 2
        image = head * along_z * np.exp(-distance2 + 1j * (angle + at[None, :]))
        kspace[c] = transform(image, (0, 1, 2) if volume else (1, 2))
        kspace[c] += 0.01 * (random.standard_normal(image.shape, np.float32) + 1j).astype(np.complex64)
    squares = np.zeros(kspace.shape[1:])
    for coil in kspace:
        # The inverse of `transform`, by conjugation.
        image = transform(coil.astype(np.complex128).conj(), (0, 1, 2) if volume else (1, 2))
        squares += image.real**2 + image.imag**2
    return kspace, np.sqrt(squares)


def error(image, truth):
    """The root mean square of the difference over that of the truth."""
    return float(np.linalg.norm((image - truth).ravel()) / np.linalg.norm(truth.ravel()))


def usable(names):
    """The peers that are here and give the right image of a small volume; the others are named with the reason."""
    found = []
    kspace, truth = make(*SMALL)
    for name in names:
        peer = PEERS[name]
        version, why = peer.available()
        if version is None:
            print(f"left out: {peer.NAME}: {why}", file=sys.stderr)
            continue
        reconstructor = peer.MriReconstructor(kspace, True, 1)
        try:
            off = error(reconstructor.run(), truth)
        finally:
            reconstructor.close()
        if not off < SAME:
            print(f"left out: {peer.NAME} {version}: its images are {off:.1e} off", file=sys.stderr)
            continue
        found.append((name, peer, version))
    return found


def run(lines, name, peers, options):
    """One case: every peer on the same k-space, in turns, with each number of threads."""
    volume = CASES[name][3]
    kspace, truth = make(*CASES[name])
    for threads in options.threads:
        makers, prepared = [], []
        for _, peer, _ in peers:
            begin = time.perf_counter()
            makers.append(peer.MriReconstructor(kspace, volume, threads))
            prepared.append(time.perf_counter() - begin)
        taken, images = measure.in_turns([maker.run for maker in makers], options.runs, BUDGET_S)
        seconds = []
        for n, maker in enumerate(makers):
            own = getattr(maker, "seconds", None)  # a program's, without its reading and writing
            seconds.append(own[-len(taken[n]) :] if own else taken[n])
        kvox = [statistics.median(s) for s, (key, _, _) in zip(seconds, peers, strict=True) if key == "kvox"]
        for n, (_, peer, version) in enumerate(peers):
            median = statistics.median(seconds[n])
            measure.report(
                lines,
                case=title(name),
                peer=peer.NAME,
                version=version,
                settings=makers[n].settings,
                threads=threads,
                prepare_seconds=round(prepared[n], 4),
                seconds_median=round(median, 6),
                seconds_least=round(min(seconds[n]), 6),
                runs=len(seconds[n]),
                of_kvox=round(median / kvox[0], 2) if kvox else None,
                nrmse=error(images[n], truth),
            )
            makers[n].close()
