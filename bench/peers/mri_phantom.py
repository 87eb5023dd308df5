"""Exact k-space of the Shepp-Logan head seen by 8 coils, combined by closed-form maps: Kvox and BART.

Each makes its own k-space, maps and image: transform, then sum conj(map) image / sum |map|^2; Kvox reconstructs BART's
k-space too. The error is the NRMSE against the image of the same library's k-space of one even coil, up to one factor.
It is not zero: the limit to the band and the sensitivities do not commute. On each library's own k-space it tells how
smooth its sensitivities are, on the same k-space whether the reconstructions agree.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

COILS = 8


def nrmse(image, truth):
    """Of image times the factor that fits best."""
    image, truth = image.astype(np.complex128).ravel(), truth.astype(np.complex128).ravel()
    factor = np.vdot(image, truth) / np.vdot(image, image)
    return float(np.linalg.norm(factor * image - truth) / np.linalg.norm(truth))


def kvox_error(size):
    import kvox

    radius_mm = 100.0
    grid = kvox.Grid.centered((size, size, 1), (2 * radius_mm / size, 2 * radius_mm / size, 5))
    phantom, coils = kvox.phantom.Phantom("shepp-logan", radius_mm), kvox.phantom.Coils.loops(COILS, 1, radius_mm)
    images = kvox.mri.to_image(phantom.kspace(grid, coils))
    combined = kvox.mri.combine(images, coils.maps(grid))
    return nrmse(combined, kvox.mri.to_image(phantom.kspace(grid))[0])


def bart(folder, *words):
    subprocess.run(["bart", *map(str, words)], cwd=folder, check=True, capture_output=True)


def read_cfl(path):
    sizes = path.with_suffix(".hdr").read_text().splitlines()[1].split()
    return np.fromfile(path.with_suffix(".cfl"), np.complex64).reshape([int(n) for n in sizes][::-1]).squeeze()


def bart_errors(size):
    """BART's own, and Kvox's on the same data.

    Dimensions 0 and 1 are transformed (flags 3), dimension 3 are coils (flags 8).
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bart(folder, "phantom", "-x", size, "-k", "-s", COILS, "kspace")
        bart(folder, "phantom", "-x", size, "-k", "single")
        bart(folder, "phantom", "-x", size, "-S", COILS, "maps")
        bart(folder, "fft", "-i", "-u", 3, "kspace", "images")
        bart(folder, "fft", "-i", "-u", 3, "single", "truth")
        bart(folder, "fmac", "-C", "-s", 8, "images", "maps", "sum")
        bart(folder, "fmac", "-C", "-s", 8, "maps", "maps", "norm")
        image, truth = read_cfl(folder / "sum") / read_cfl(folder / "norm"), read_cfl(folder / "truth")
        kspace, maps = (read_cfl(folder / name)[:, None] for name in ("kspace", "maps"))
    # Kvox wants maps of everyday size.
    import kvox

    combined = kvox.mri.combine(kvox.mri.to_image(kspace), maps / np.abs(maps).max())
    return nrmse(image, truth), nrmse(combined, truth)


def tell(size, peer, kspace, error):
    print(
        json.dumps(
            {"case": "mri-phantom", "size": size, "coils": COILS, "peer": peer, "kspace": kspace, "nrmse": error}
        )
    )


def compare(sizes):
    """One JSON line a size and library."""
    for size in sizes:
        tell(size, "kvox", "kvox", kvox_error(size))
        if not shutil.which("bart"):
            print("left out: BART: there is no command bart (Debian package bart)", file=sys.stderr)
            continue
        own, by_kvox = bart_errors(size)
        tell(size, "bart", "bart", own)
        tell(size, "kvox", "bart", by_kvox)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    compare(parser.parse_args().sizes)
