"""TomoPy's gridrec, where TomoPy is installed (conda-forge; there is no package of it for pip)."""

import numpy as np

NAME = "TomoPy gridrec"


def available():
    try:
        import tomopy
    except ImportError as error:
        return None, f"{error}; TomoPy comes from conda-forge"
    return tomopy.__version__, ""


class Reconstructor:
    """Written after TomoPy's manual. Its picture has the sinogram's width; which way it lies and where its axis is, is
    what the off-centre disc tells before anything is compared."""

    settings = "ramlak, f32"
    makes_whole_stack = True

    def __init__(self, projections, angles_deg, size, threads):
        import tomopy

        self.tomopy = tomopy
        self.projections = np.ascontiguousarray(projections, np.float32)
        self.angles = np.deg2rad(angles_deg)
        self.size = size
        self.threads = threads
        self.first_px = (-(size // 2), -(size - 1 - size // 2))

    def run(self):
        columns = self.projections.shape[2]
        pictures = self.tomopy.recon(
            self.projections,
            self.angles,
            center=(columns - 1) / 2,
            sinogram_order=False,
            algorithm="gridrec",
            filter_name="ramlak",
            ncore=self.threads,
        )
        first = columns // 2 - self.size // 2
        return pictures[:, first : first + self.size, first : first + self.size][:, ::-1]

    def close(self):
        pass
