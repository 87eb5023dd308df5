"""The examples are built, run and agree; the pages' Python is executed."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import kvox
from kvox import _abi

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the C examples, built as strict C99 against the library that the package uses."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("skipped: no C compiler here")
    folder = tmp_path_factory.mktemp("examples")
    libraries = pathlib.Path(_abi.io()._name).parent
    core = pathlib.Path(_abi.lib._name).parent
    for name in ("simulate", "reconstruct", "device", "stream", "mri_recon"):
        subprocess.run(
            [compiler, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include"]
            + [ROOT / "examples" / f"{name}.c", "-o", folder / name]
            + [f"-L{libraries}", f"-L{core}", "-lkvox-io", "-lkvox", "-lm", f"-Wl,-rpath,{libraries}:{core}"],
            check=True,
        )
    return folder


def run(*command, fails=False):
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


@pytest.mark.parametrize("scan", ["scan.h5", "scan.npy"])
def test_c_and_python_make_the_same_volume(built, tmp_path, scan):
    run(built / "simulate", tmp_path / "scan.h5")
    if scan == "scan.npy":  # no angles: the same equal steps
        kvox.io.write_scan(tmp_path / scan, kvox.io.read_scan(tmp_path / "scan.h5").projections)
    said = run(built / "reconstruct", tmp_path / scan, tmp_path / "c.mha")
    # simulate.c put the axis at 125.25.
    assert float(re.search(r"column ([\d.]+)", said).group(1)) == pytest.approx(125.25, abs=0.1)
    run(sys.executable, ROOT / "examples" / "reconstruct.py", tmp_path / scan, tmp_path / "python.mha")
    c, python = kvox.io.read_volume(tmp_path / "c.mha"), kvox.io.read_volume(tmp_path / "python.mha")
    assert np.array_equal(c.array, python.array) and c.grid == python.grid
    assert c.shape == (2, 255, 255)
    truth = kvox.phantom.Phantom("shepp-logan", 115, 0.02).fill(c.grid)
    j, i = np.indices((255, 255)) - 127
    inside = np.broadcast_to(np.hypot(i, j) < 0.95 * 125, c.shape)
    # Noise of 1e5 photons and the skull's edges: 5 % of the greatest value.
    assert kvox.quality.rmse(c, truth, inside) < 0.05 * 0.02


def test_the_c_examples_fail_with_a_sentence(built, tmp_path):
    assert "usage" in run(built / "reconstruct", fails=True)
    assert "usage" in run(built / "simulate", fails=True)
    assert "missing.h5" in run(built / "reconstruct", tmp_path / "missing.h5", tmp_path / "v.mha", fails=True)
    assert len(run(built / "simulate", tmp_path / "no" / "folder.h5", fails=True)) > 20


def test_the_device_example_runs_with_and_without_a_device(built):
    said = run(built / "device")
    assert "0.0040 in the middle" in said if kvox.devices() else "no OpenCL" in said


def test_the_scanner_s_volume_is_there_after_its_last_view(built):
    views, hu, ms = re.fullmatch(
        r"(\d+) views, (-\d+) HU in the middle, ([\d.]+) ms from the last view to the volume\n", run(built / "stream")
    ).groups()
    assert views == "240" and float(ms) > 0
    assert int(hu) == pytest.approx(-800, abs=10)  # 0.2 of the density of water


def test_readouts_pushed_in_c_and_in_python_make_the_same_image(built, tmp_path):
    said = run(built / "mri_recon")
    # Shepp and Logan's head has 0.2 of the root sum of squares of the coils, which is 1 in the middle.
    lines, value = re.fullmatch(r"(\d+ of \d+) lines, 128 x 128 x 1 voxels, ([\d.]+) in the middle\n", said).groups()
    assert lines == "128 of 128" and float(value) == pytest.approx(0.2, abs=0.01)
    assert "usage" in run(built / "mri_recon", "raw.h5", fails=True)
    assert "missing.dat" in run(built / "mri_recon", tmp_path / "missing.dat", tmp_path / "i.npy", fails=True)
    raw = pathlib.Path(os.environ.get("KVOX_DATA", "/nowhere"), "mri", "siemens_ve_epi.dat")
    if not raw.exists():
        pytest.skip("skipped: KVOX_DATA has no mri/siemens_ve_epi.dat")
    run(built / "mri_recon", raw, tmp_path / "c.npy")
    run(sys.executable, ROOT / "examples" / "mri_recon.py", raw, tmp_path / "python.npy")
    c, python = np.load(tmp_path / "c.npy"), np.load(tmp_path / "python.npy")
    assert c.shape == (1, 1, 80, 80) and np.array_equal(c, python)


def pages():
    found = sorted((ROOT / "docs").glob("*.md")) + [ROOT / "README.md"]
    return [page for page in found if page.exists() and "```python" in page.read_text()]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """The blocks marked ```python, in order and in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    names = {"__name__": "__main__"}
    for block in re.finditer(r"^```python\n(.*?)^```", text, flags=re.S | re.M):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block.group(1), str(page), "exec"), names)
