"""Kvox through its Python package: a plan made once, executed into one array."""

import numpy as np

NAME = "Kvox"


def available():
    try:
        import kvox
    except ImportError as error:
        return None, str(error)
    return kvox.__version__, ""


class Reconstructor:
    makes_whole_stack = True

    def __init__(self, projections, angles_deg, size, threads, cpu="auto", center_px=None):
        import kvox

        context = kvox.Context(threads=threads, cpu=cpu, backend="cpu")
        geometry = kvox.ct.Geometry.parallel(projections.shape, angles_deg, center_px=center_px, context=context)
        self.settings = f"ramp, linear, f32, {context.cpu}"
        self.first_px = (-(size // 2), -(size - 1 - size // 2))  # the others' grid, so that pixels can be compared
        rows = projections.shape[1]
        grid = kvox.Grid((size, size, rows), (*map(float, self.first_px), -(rows - 1) / 2))
        self.plan = kvox.ct.FBP(geometry, grid, context=context)
        self.workspace = kvox.Workspace(context)
        self.projections = np.ascontiguousarray(projections, np.float32)
        self.pictures = np.zeros((rows, size, size), np.float32)

    def run(self):
        self.plan(self.projections, out=self.pictures, workspace=self.workspace)
        return self.pictures

    def close(self):
        pass


class CircleReconstructor(Reconstructor):
    """A fan or cone beam (scenes in mm)."""

    def __init__(self, projections, circle, threads, cpu="auto"):
        import kvox

        context = kvox.Context(threads=threads, cpu=cpu, backend="cpu")
        make = kvox.ct.Geometry.fan if circle.fan else kvox.ct.Geometry.cone
        geometry = make(
            projections.shape,
            circle.angles_deg,
            source_to_axis_mm=circle.axis_mm,
            source_to_detector_mm=circle.detector_mm,
            column_pitch_mm=circle.pitch_mm,
            context=context,
        )
        self.settings = f"ramp, linear, f32, {context.cpu}"
        slices = 1 if circle.fan else circle.size
        grid = kvox.Grid.centered((circle.size, circle.size, slices), [circle.voxel_mm] * 3)
        self.plan = kvox.ct.FBP(geometry, grid, context=context)
        self.workspace = kvox.Workspace(context)
        self.projections = np.ascontiguousarray(projections, np.float32)
        self.pictures = np.zeros(grid.shape, np.float32)


class MriReconstructor:
    """k-space of all coils to their root sum of squares in one pass."""

    def __init__(self, kspace, volume, threads):
        import kvox

        self.context = kvox.Context(threads=threads, backend="cpu", fft_effort="measure")
        self.settings = f"to_magnitude, measured plan, {self.context.cpu}"
        _, slices, rows, columns = kspace.shape
        axes = "xyz" if volume else "xy"
        self.fourier = kvox.mri.Fourier((columns, rows, slices), axes=axes, context=self.context)
        self.workspace = kvox.Workspace(self.context)
        self.kspace = kspace
        self.image = np.zeros(kspace.shape[1:], np.float32)

    def run(self):
        return self.fourier.to_magnitude(self.kspace, out=self.image, workspace=self.workspace)

    def close(self):
        pass
