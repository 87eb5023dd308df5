"""MIDAS-tomo's gridrec (Fourier gridding, Dowd et al. 1999), in memory. It pairs slices: one costs as much as two."""

import contextlib
import os
import tempfile

import numpy as np

NAME = "MIDAS gridrec"


def available():
    try:
        from importlib.metadata import version

        from midas_tomo import backend_lib

        backend_lib.load()
    except Exception as error:  # the engine's own exceptions, a compiler that was missing, ...
        return None, str(error)
    return version("midas-tomo"), ""


@contextlib.contextmanager
def _silence():
    """The engine prints its settings from C."""
    kept = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


class Reconstructor:
    """It pads rows to a power of two and pictures too; they come as [x, y] with the axis at index side / 2 - 1."""

    settings = "ramp, padded to a power of two, f32"
    makes_whole_stack = True

    def __init__(self, projections, angles_deg, size, threads):
        from midas_tomo import api, backend_lib, config

        self.engine = backend_lib
        self.threads = threads
        self.slices = projections.shape[1]
        sinograms = projections.transpose(1, 0, 2)
        if self.slices % 2:
            sinograms = np.concatenate([sinograms, sinograms[-1:]])
        self.sinograms = np.ascontiguousarray(sinograms, np.float32)
        columns = projections.shape[2]
        self.folder = tempfile.TemporaryDirectory(prefix="kvox-bench-")
        angles = api.write_thetas(angles_deg, os.path.join(self.folder.name, "angles.txt"))
        ramp = 4
        shift = 1.0 if columns % 2 else 0.5  # found with the off-centre disc: odd rows are padded half a column aside
        settings = config.TomoConfig(
            data_file="unused",
            recon_file=os.path.join(self.folder.name, "unused"),
            are_sinos=True,
            det_xdim=columns,
            det_ydim=len(self.sinograms),
            theta_file=angles,
            filter_nr=ramp,
            shift_values=(shift, shift, 1.0),
            do_log=False,
            auto_centering=False,
        )
        self.parameters = settings.to_param_file(os.path.join(self.folder.name, "parameters.txt"))
        side = settings.recon_xdim
        self.shape = (1, len(self.sinograms), side, side)
        self.first_px = (-(size // 2), -(size - 1 - size // 2))
        x, y = (side // 2 - 1 + first for first in self.first_px)
        self.crop = np.s_[: self.slices, x : x + size, y : y + size]

    def run(self):
        with _silence():
            cube = self.engine.run_arrays(
                self.parameters, self.sinograms, self.shape, self.threads, cwd=self.folder.name
            )
        return cube[0][self.crop].transpose(0, 2, 1)

    def close(self):
        self.folder.cleanup()
