"""plastimatch's FDK: a program that reads one file a view. Its seconds are its own of its stages, without files."""

import os
import re
import shutil
import subprocess
import tempfile

import numpy as np

NAME = "plastimatch fdk"


def available():
    if shutil.which("plastimatch") is None:
        return None, "there is no such program; Debian's package is plastimatch"
    words = subprocess.run(["plastimatch", "--version"], capture_output=True, text=True).stdout.split()
    return words[-1], ""


class CircleReconstructor:
    """It takes matrices, so that its world is ours. Its filter pads nothing, it takes the nearest pixel and does not
    weigh rays by their cosine; its values are counts of its own scale, a fifth above zero in air."""

    settings = "flavour c, ramp with Hann, nearest pixel"
    own_scale = True

    def __init__(self, projections, circle, threads):
        assert not circle.fan
        self.folder = tempfile.TemporaryDirectory(prefix="kvox-bench-")
        self.threads = threads
        self.size = circle.size
        self.seconds = []
        self.volume = os.path.join(self.folder.name, "volume.mha")
        os.mkdir(os.path.join(self.folder.name, "views"))
        for view, angle in enumerate(np.deg2rad(circle.angles_deg)):
            path = os.path.join(self.folder.name, "views", f"view_{view:04d}")
            self._write_matrix(path + ".txt", circle, angle)
            with open(path + ".pfm", "wb") as file:
                file.write(f"Pf\n{circle.columns} {circle.columns}\n-1\n".encode())
                projections[view].astype("<f4").tofile(file)
        width = f"{circle.width_mm} {circle.width_mm} {circle.width_mm}"
        self.command = ["plastimatch", "fdk", "-A", "cpu", "-X", "c", "-I", os.path.join(self.folder.name, "views")]
        self.command += ["-O", self.volume, "-r", " ".join([str(circle.size)] * 3), "-z", width]

    @staticmethod
    def _write_matrix(path, circle, angle):
        """The middle of the panel in pixels; a matrix to pixels from there; distances; the way to the source."""
        middle = (circle.columns - 1) / 2
        u, to_source = [np.cos(angle), np.sin(angle), 0], [np.sin(angle), -np.cos(angle), 0]
        rows = [[*np.divide(u, circle.pitch_mm), 0], [0, 0, 1 / circle.pitch_mm, 0]]
        rows.append([*np.divide(to_source, -circle.detector_mm), circle.axis_mm / circle.detector_mm])
        lines = [[middle, middle], *rows, [circle.axis_mm], [circle.detector_mm], to_source]
        with open(path, "w") as file:
            file.writelines(" ".join(f"{number:.10e}" for number in line) + "\n" for line in lines)

    def run(self):
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.threads), LC_ALL="C")
        told = subprocess.run(self.command, env=environment, capture_output=True, text=True, check=True).stdout
        stages = [re.search(stage + r" time = ([\d.e+-]+)", told) for stage in ("Filter", "Backprojection")]
        self.seconds.append(sum(float(stage.group(1)) for stage in stages))
        with open(self.volume, "rb") as file:
            content = file.read()
        header = content[: content.index(b"ElementDataFile")].decode()
        kind = {"MET_FLOAT": "<f4", "MET_SHORT": "<i2"}[re.search(r"ElementType = (\w+)", header).group(1)]
        bytes_ = self.size**3 * np.dtype(kind).itemsize
        return np.frombuffer(content[-bytes_:], kind).reshape((self.size,) * 3)

    def close(self):
        self.folder.cleanup()
