"""What Kvox does, as pictures and a table: demo.py OUT

Noisy scans of the FORBILD head, made here: by parallel beams, and by a cone beam as a full turn, as a short scan and
with a detector to one side; and, where the environment variable KVOX_DATA names a folder with
ct/tooth.h5, the synchrotron scan of a tooth, beside scikit-image's reconstruction of it. MRI: see demo_mri.py.
"""

import os
import pathlib
import sys
import time

import numpy as np

import demo_mri
import kvox

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench" / "peers"))

WATER_PER_MM = 0.0193  # at some 70 keV
BRAIN = dict(center=50, width=120)  # HU
RUNS = 5


def timed(run, runs=RUNS):
    """The result of run() and the median of its seconds after a first call."""
    result = run()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return result, sorted(seconds)[runs // 2]


def save(path, grey, center, width):
    levels = kvox.picture.window(np.ascontiguousarray(grey, np.float32), center, width, "linear-exact")
    kvox.io.write_array(path, levels)
    print(f"  {path}")


def circle(shape, radius_px):
    j, i = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    return np.hypot(i, j) < radius_px


def head(out):
    """720 views of 16 rows through a head, 1e6 photons a pixel in air: each slice with noise of its own."""
    views, rows, columns, pitch_mm, size = 720, 16, 729, 0.5, 512
    geometry = kvox.ct.Geometry.parallel((views, rows, columns), column_pitch_mm=pitch_mm)
    phantom = kvox.phantom.Phantom("forbild-head", radius_mm=128, density=WATER_PER_MM)
    exact = kvox.ct.simulate(phantom, geometry)
    noisy = kvox.ct.add_noise(exact.copy(), photons=1e6, seed=1)
    grid = kvox.Grid.centered((size, size, rows), (pitch_mm, pitch_mm, pitch_mm))
    plan = kvox.ct.FBP(geometry, grid, filter="hann", hu=WATER_PER_MM)
    workspace, samples = kvox.Workspace(), np.empty(grid.shape, np.float32)

    volume, seconds = timed(lambda: plan(noisy, out=samples, workspace=workspace))
    slice_ = volume.array[rows // 2]
    truth = phantom.fill(kvox.Grid.centered((size, size, 1), (pitch_mm, pitch_mm, pitch_mm))).array[0]
    truth = 1000 * (truth / WATER_PER_MM - 1)
    noise_free = kvox.ct.reconstruct(exact[:, :1], geometry.angles_deg, size).array[0] / pitch_mm
    noise_free = 1000 * (noise_free / WATER_PER_MM - 1)

    print("FORBILD head, simulated:", f"{views} views x {rows} rows x {columns} columns, 1e6 photons a pixel")
    save(out / "head.png", np.hstack([truth, slice_]), **BRAIN)
    save(out / "head_mean_of_16.png", np.hstack([truth, volume.array.mean(0)]), **BRAIN)
    inside = circle(truth.shape, 0.95 * size / 2)
    updates = size * size * rows * views
    return [
        ("head, 16 slices 512 x 512, 720 views", seconds, updates / seconds / 1e9,
         f"RMSE {kvox.quality.rmse(noise_free, truth, inside):.1f} HU without noise (of bone's 800), "
         f"noise {np.std((volume.array - volume.array.mean(0))[:, 240:272, 240:272]):.1f} HU"),
        ("  of this filtering", workspace.stages["filter"], None, ""),
        ("  of this back-projection", workspace.stages["backproject"],
         updates / workspace.stages["backproject"] / 1e9, ""),
    ]


def planes(volume, k, j, i):
    """Axial with anterior up, coronal and sagittal with superior up, beside each other; world is LPS."""
    return np.hstack([volume[k], volume[::-1, j], volume[::-1, :, i]])


def means(volume, side=16):
    """Of squares of so many voxels in the plane of the source, as many slices of it."""
    middle, (j, i) = volume.shape[0] // 2, (n // side for n in volume.shape[1:])
    return volume[middle - side // 2 : middle + side // 2].mean(0).reshape(j, side, i, side).mean((1, 3))


def cone(out):
    """A full turn of 720 views of the whole head; 200 degrees of it, the source under the head; and what is left when
    the detector loses a quarter of its columns at one side. The head has no ears: their faces lie along the plane of
    the source's circle, where every cone beam blurs."""
    views, side, pitch_mm, size = 720, 400, 1.0, 256
    lengths = dict(source_to_axis_mm=1000, source_to_detector_mm=1500, column_pitch_mm=pitch_mm)
    geometry = kvox.ct.Geometry.cone((views, side, side), **lengths)
    phantom = kvox.phantom.Phantom("forbild-head-3d-plain", radius_mm=128, density=WATER_PER_MM)
    start = time.perf_counter()
    noisy = kvox.ct.simulate(phantom, geometry)
    kvox.ct.add_noise(noisy, photons=1e6, seed=2, out=noisy)
    simulate_seconds = time.perf_counter() - start
    grid = kvox.Grid.centered((size, size, size), (1, 1, 1))
    truth = 1000 * (phantom.fill(grid, samples=3).array / WATER_PER_MM - 1)

    angles, lost = geometry.angles_deg, side // 4
    arc = slice(views * 80 // 360, views * 280 // 360)
    short, aside = noisy[arc], noisy[:, :, lost:]
    scans = {
        "full turn": (noisy, geometry),
        "short scan of 200 degrees": (short, kvox.ct.Geometry.cone(short.shape, angles[arc], **lengths)),
        "detector to one side": (
            aside, kvox.ct.Geometry.cone(aside.shape, angles, center_px=(side - 1) / 2 - lost, **lengths)
        ),
    }
    print(f"FORBILD head in a cone beam, simulated: {views} views x {side} x {side}, 1e6 photons a pixel")
    tissue = np.abs(truth - 45) < 30  # neither bone nor air
    tissue_means = means(tissue) == 1
    table, volumes = [], []
    for name, (projections, scan) in scans.items():
        plan, workspace = kvox.ct.FBP(scan, grid, filter="hann", hu=WATER_PER_MM), kvox.Workspace()
        samples = np.empty(grid.shape, np.float32)
        _, seconds = timed(lambda: plan(projections, out=samples, workspace=workspace), runs=1)
        volumes.append(samples)
        words = f"RMSE of soft tissue {kvox.quality.rmse(samples, truth, tissue):.1f} HU"
        shading = np.abs(means(samples) - means(truth))[tissue_means].max()
        words += f", means over 16 mm within {shading:.1f} HU of the truth"
        updates = size**3 * len(projections)
        table.append((f"cone beam, {size}^3, {name}", seconds, updates / seconds / 1e9, words))
        if len(volumes) == 1:
            table.append(("  of this filtering", workspace.stages["filter"], None, ""))
            seconds = workspace.stages["backproject"]
            table.append(("  of this back-projection", seconds, updates / seconds / 1e9, ""))
    table.append((f"  simulating {views} x {side} x {side}, noise", simulate_seconds, None, ""))
    middle = size // 2, 5 * size // 8, size // 2
    save(out / "cone.png", np.vstack([planes(truth, *middle), planes(volumes[0], *middle)]), **BRAIN)
    save(out / "cone_scans.png", np.vstack([np.hstack([v[middle[0]] for v in volumes]),
                                            np.hstack([v[::-1, middle[1]] for v in volumes])]), **BRAIN)
    return table


def tooth(out, path):
    """The rotation axis is found in the data; both rows; scikit-image at the same axis."""
    import tooth as tooth_quality
    from skimage.transform import iradon

    scan = kvox.io.read_scan(path)
    views, rows, columns = scan.projections.shape
    correction = kvox.ct.Correction(scan.flat, scan.dark)
    angles = scan.angles_deg
    center, find_seconds = timed(lambda: kvox.ct.find_center(scan.projections, angles, correction=correction))
    size = columns + 1 - columns % 2
    geometry = kvox.ct.Geometry.parallel(scan.projections.shape, angles, center_px=center)
    plan = kvox.ct.FBP(geometry, kvox.Grid.centered((size, size, rows), (1, 1, 1)), correction=correction)
    workspace, samples = kvox.Workspace(), np.empty((rows, size, size), np.float32)
    volume, seconds = timed(lambda: plan(scan.projections, out=samples, workspace=workspace))

    # scikit-image has the axis on the middle column. Beside it both take the nearest whole column: nothing is interpolated.
    whole = round(center)
    integrals = correction(scan.projections)
    beside = kvox.ct.reconstruct(integrals[:, :1], angles, grid=kvox.Grid.centered((size, size, 1), (1, 1, 1)), center=whole)
    reach = max(whole, columns - 1 - whole)
    moved = np.pad(integrals[:, 0], ((0, 0), (reach - whole, reach - (columns - 1 - whole)))).T
    start = time.perf_counter()
    peer = iradon(moved, theta=angles, output_size=size, filter_name="ramp", circle=False)[::-1]
    peer_seconds = time.perf_counter() - start

    print(f"Tooth: {views} views x {rows} rows x {columns} columns, axis found at column {center:.2f}")
    middle, width = kvox.picture.auto_window(volume.array[0], 0.02, 0.998)
    for row in range(rows):
        save(out / f"tooth_row{row}.png", volume.array[row], middle, width)
    save(out / "tooth_beside_scikit_image.png", np.hstack([beside.array[0], peer]), middle, width)
    # The circle that every view sees.
    radius = min(center, columns - 1 - center)
    quality, seen = tooth_quality.compare({"kvox": beside.array[0], "scikit-image": peer}, radius)
    updates = size * size * rows * views

    def words(name):
        return f"noise in air {quality[name]['air_noise']:.3e}, edges {quality[name]['edge_width_px']:.2f} px wide"

    return [
        (f"tooth, {rows} slices {size} x {size}, {views} views", seconds, updates / seconds / 1e9, words("kvox")),
        ("  scikit-image, one slice", peer_seconds, size * size * views / peer_seconds / 1e9, words("scikit-image")),
        ("  finding the axis", find_seconds, None, f"column {center:.2f}"),
    ]


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    print(f"Kvox {kvox.__version__}, {kvox.default_context()}")
    table = head(out) + cone(out)
    data = os.environ.get("KVOX_DATA")
    real = pathlib.Path(data, "ct", "tooth.h5") if data else None
    if real and real.exists():
        table += tooth(out, real)
    else:
        print("KVOX_DATA is not set or has no ct/tooth.h5: the real scan of a tooth is left out")
    table += demo_mri.run(out, data, save, planes)
    print(f"\n{'':44}{'seconds':>9}{'GUPS':>7}")
    for name, seconds, gups, words in table:
        speed = f"{gups:7.2f}" if gups else " " * 7
        print(f"{name:44}{seconds:9.4f}{speed}  {words}")


main()
