"""BART's commands on files in memory. What counts is `bart fft -u` and `bart rss`, less `bart copy` of the k-space:
that starts, reads and writes as `bart fft` does and computes nothing."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import numpy as np

NAME = "BART"


def available():
    if shutil.which("bart") is None:
        return None, "there is no command bart (Debian package bart)"
    version = subprocess.run(["bart", "version"], capture_output=True, text=True, check=False)
    return version.stdout.strip().lstrip("v"), ""


class MriReconstructor:
    settings = "fft -i -u, rss, less copy"

    def __init__(self, kspace, volume, threads):
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = tempfile.TemporaryDirectory(dir=memory)
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.flags = 7 if volume else 3
        self.seconds = []
        coils, slices, rows, columns = kspace.shape
        self.shape = slices, rows, columns
        path = pathlib.Path(self.folder.name, "kspace")
        path.with_suffix(".hdr").write_text(f"# Dimensions\n{columns} {rows} {slices} {coils}\n")
        kspace.tofile(path.with_suffix(".cfl"))

    def _call(self, *words):
        begin = time.perf_counter()
        subprocess.run(
            ["bart", *map(str, words)], cwd=self.folder.name, env=self.environment, check=True, capture_output=True
        )
        return time.perf_counter() - begin

    def run(self):
        copy = self._call("copy", "kspace", "images")
        work = self._call("fft", "-i", "-u", self.flags, "kspace", "images") + self._call("rss", 8, "images", "sum")
        self.seconds.append(work - copy)
        return np.fromfile(pathlib.Path(self.folder.name, "sum.cfl"), np.complex64).real.reshape(self.shape)

    def close(self):
        self.folder.cleanup()
