"""SciPy's transforms (pocketfft), coil by coil, so that its intermediate arrays are those of one coil."""

import numpy as np

NAME = "SciPy fft"


def available():
    try:
        import scipy.fft  # noqa: F401
    except ImportError as error:
        return None, str(error)
    return scipy.__version__, ""


class MriReconstructor:
    settings = "ifftn, workers, shifts, c64"

    def __init__(self, kspace, volume, threads):
        self.kspace, self.threads = kspace, threads
        self.axes = (0, 1, 2) if volume else (1, 2)

    def run(self):
        import scipy.fft

        squares = np.zeros(self.kspace.shape[1:], np.float32)
        for coil in self.kspace:
            shifted = scipy.fft.ifftshift(coil, axes=self.axes)
            image = scipy.fft.ifftn(shifted, axes=self.axes, norm="ortho", overwrite_x=True, workers=self.threads)
            squares += image.real**2
            squares += image.imag**2
        return scipy.fft.fftshift(np.sqrt(squares), axes=self.axes)

    def close(self):
        pass
