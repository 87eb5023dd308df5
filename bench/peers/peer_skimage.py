"""scikit-image's iradon: one picture a call. More threads: as many processes, the pictures shared among them."""

import multiprocessing

import numpy as np

NAME = "scikit-image iradon"

_job = None


def available():
    try:
        import skimage
    except ImportError as error:
        return None, str(error)
    return skimage.__version__, ""


def first_pixel(size):
    """iradon's origin is pixel size // 2 with row 0 at +y; turned over, row 0 is at this y."""
    return -(size // 2), -(size - 1 - size // 2)


def _one(k):
    from skimage.transform import iradon

    sinograms, angles_deg, size = _job
    return iradon(sinograms[k], angles_deg, size, filter_name="ramp", interpolation="linear", circle=False)[::-1]


class Reconstructor:
    """Made once for the data; run() is what is timed. iradon takes [column, view] and an odd number of columns has its
    middle at (columns - 1) / 2, as ours; an even one does not."""

    settings = "ramp, linear, f32"
    makes_whole_stack = False

    def __init__(self, projections, angles_deg, size, threads):
        global _job
        assert projections.shape[2] % 2 == 1
        _job = (np.ascontiguousarray(projections.transpose(1, 2, 0)), angles_deg, size)
        self.first_px = first_pixel(size)
        self.slices = projections.shape[1]
        self.pool = multiprocessing.get_context("fork").Pool(threads) if threads > 1 else None

    def run(self):
        if self.pool is None:
            return np.stack([_one(k) for k in range(self.slices)])
        return np.stack(self.pool.map(_one, range(self.slices), chunksize=1))

    def close(self):
        if self.pool is not None:
            self.pool.terminate()
            self.pool.join()
