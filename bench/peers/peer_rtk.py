"""RTK's FDK on the CPU through its Python package, in memory."""

import numpy as np

NAME = "RTK FDK"


def available():
    try:
        from importlib.metadata import version

        from itk import RTK  # noqa: F401
    except ImportError as error:
        return None, str(error)
    return version("itk-rtk"), ""


class CircleReconstructor:
    """RTK's axis is y: its x, y, z are our x, z, -y, with the same angles and pixels. `subset` is how many projections
    it filters and back-projects at once."""

    def __init__(self, projections, circle, threads, subset=16):
        import itk
        from itk import RTK as rtk

        itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(threads)
        self.rtk = rtk
        self.threads = threads
        self.subset = subset
        self.type = itk.Image[itk.F, 3]
        self.settings = f"ramp, linear, f32, subsets of {subset}"
        rows = np.repeat(projections, 2, axis=1) if circle.fan else projections  # one row alone would give zeros
        self.samples = np.ascontiguousarray(rows, np.float32)  # the image is a view of it
        self.projections = itk.image_view_from_array(self.samples)
        self.projections.SetSpacing([circle.pitch_mm, circle.pitch_mm, 1])
        self.projections.SetOrigin([circle.pixels_mm[0], 0 if circle.fan else circle.pixels_mm[0], 0])
        self.geometry = rtk.ThreeDCircularProjectionGeometry.New()
        for angle in circle.angles_deg:
            self.geometry.AddProjection(circle.axis_mm, circle.detector_mm, float(angle))
        self.zeros = rtk.ConstantImageSource[self.type].New()
        self.zeros.SetSize([circle.size, 1 if circle.fan else circle.size, circle.size])
        self.zeros.SetSpacing([circle.voxel_mm] * 3)
        first = circle.voxels_mm[0]
        self.zeros.SetOrigin([first, 0 if circle.fan else first, first])
        self.zeros.SetConstant(0)

    def run(self):
        import itk

        filter_ = self.rtk.FDKConeBeamReconstructionFilter[self.type].New()
        filter_.SetInput(0, self.zeros.GetOutput())
        filter_.SetInput(1, self.projections)
        filter_.SetGeometry(self.geometry)
        filter_.SetProjectionSubsetSize(self.subset)
        filter_.Update()
        return itk.array_view_from_image(filter_.GetOutput()).transpose(1, 0, 2)[:, ::-1]

    def close(self):
        pass
