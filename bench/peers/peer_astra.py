"""ASTRA's FBP on the CPU, which works on one thread; more threads: as many pictures at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

NAME = "ASTRA FBP"


def available():
    try:
        import astra
    except ImportError as error:
        return None, str(error)
    return astra.__version__, ""


class Reconstructor:
    """Row 0 of an ASTRA picture is at +y. `kind` is the projector whose adjoint back-projects: linear, line, strip."""

    makes_whole_stack = False

    def __init__(self, projections, angles_deg, size, threads, kind="linear"):
        import astra

        self.astra = astra
        self.settings = f"Ram-Lak, {kind}, f32"
        self.first_px = (-(size // 2), -(size - 1 - size // 2))
        rows, columns = projections.shape[1:]
        x, y = self.first_px
        volume = astra.create_vol_geom(size, size, x - 0.5, x + size - 0.5, y - 0.5, y + size - 0.5)
        scan = astra.create_proj_geom("parallel", 1.0, columns, np.deg2rad(angles_deg))
        self.sinograms = np.ascontiguousarray(projections.transpose(1, 0, 2), np.float32)
        self.pictures = np.zeros((rows, size, size), np.float32)
        self.projector = astra.create_projector(kind, scan, volume)
        self.held = []
        self.algorithms = []
        for k in range(rows):
            sinogram = astra.data2d.link("-sino", scan, self.sinograms[k])
            picture = astra.data2d.link("-vol", volume, self.pictures[k])
            config = astra.astra_dict("FBP")
            config.update(ProjectorId=self.projector, ProjectionDataId=sinogram, ReconstructionDataId=picture)
            self.algorithms.append(astra.algorithm.create(config))
            self.held += [sinogram, picture]
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def run(self):
        if self.pool is None:
            for algorithm in self.algorithms:
                self.astra.algorithm.run(algorithm)
        else:
            list(self.pool.map(self.astra.algorithm.run, self.algorithms))
        return self.pictures[:, ::-1]

    def close(self):
        if self.pool is not None:
            self.pool.shutdown()
        self.astra.algorithm.delete(self.algorithms)
        self.astra.data2d.delete(self.held)
        self.astra.projector.delete(self.projector)
