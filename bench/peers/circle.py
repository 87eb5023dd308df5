"""The cases of fan and cone beams: a full turn about a cube of 256 mm, or about its middle slice.

ASTRA's FBP on the CPU refuses fans and scikit-image knows none; ASTRA's cone beams and TIGRE want a GPU.
"""

import sys
import time

import measure
import numpy as np
import peer_kvox
import peer_plastimatch
import peer_rtk
import scenes
import solids

CASES = {
    "fan": solids.Circle(512, 720, 729, fan=True),
    "fdk-small": solids.Circle(128, 180, 256),
    "fdk": solids.Circle(256, 360, 512),
}
PEERS = {"kvox": peer_kvox, "rtk": peer_rtk, "plastimatch": peer_plastimatch}
NO_FAN = ("plastimatch",)
SAME_PLACE_VOXELS = 0.25
BUDGET_S = 60  # of one reconstructor's repetitions


def title(name):
    circle = CASES[name]
    power, panel = (2, f"{circle.columns}") if circle.fan else (3, f"{circle.columns}^2")
    return f"{name}: {circle.size}^{power}, {circle.views} x {panel}"


def misplacement_voxels(peer):
    """How far the middle of an off-centre ball lies from where it is: tells volumes that are turned or mirrored."""
    circle = solids.Circle(64, 90, 128)
    reconstructor = peer.CircleReconstructor(solids.line_integrals(solids.OFF_CENTRE_BALL, circle), circle, 1)
    try:
        volume = np.asarray(reconstructor.run(), np.float64)
    finally:
        reconstructor.close()
    ball = np.where(volume > volume.max() / 2, volume, 0)
    at = circle.voxels_mm
    found = [(ball * grid).sum() / ball.sum() for grid in np.meshgrid(at, at, at, indexing="ij")]
    _, _, _, _, x, y, z, _ = solids.OFF_CENTRE_BALL[0]
    true = np.array([z, y, x]) * circle.width_mm / 2
    return float(np.linalg.norm(found - true) / circle.voxel_mm)


def usable(names):
    """The peers that are here and put the ball where it belongs; the others are named with the reason."""
    found = []
    for name in names:
        peer = PEERS[name]
        version, why = peer.available()
        if version is None:
            print(f"left out: {peer.NAME}: {why}", file=sys.stderr)
            continue
        distance = misplacement_voxels(peer)
        if not distance < SAME_PLACE_VOXELS:
            print(f"left out: {peer.NAME} {version}: its volumes lie {distance:.2f} voxels aside", file=sys.stderr)
            continue
        found.append((name, peer, version))
    return found


def make(circle):
    """Exact projections [view, row, column] and the true averages [k, j, i]."""
    if not circle.fan:
        return solids.line_integrals(solids.HEAD, circle), solids.averages(solids.HEAD, circle)
    radius_px = circle.size / 2
    truth = scenes.averages(scenes.SHEPP_LOGAN, radius_px, circle.size, [circle.voxels_mm[0] / circle.voxel_mm] * 2)
    return scenes.fan_line_integrals(scenes.SHEPP_LOGAN, circle)[:, None, :], truth[None]


def region(circle):
    """The cylinder that holds the head, [k, j, i]: r < 0.95, |z| < 0.92 of half the width."""
    half, at = circle.width_mm / 2, circle.voxels_mm
    disc = np.hypot(*np.meshgrid(at, at)) < 0.95 * half
    return disc[None] if circle.fan else disc & (np.abs(at) < 0.92 * half)[:, None, None]


def errors(volume, truth, inside, own_scale):
    """Root mean squares inside the region: as it is, with the best gain, with the best gain and offset; the same of the
    two middle slices; the gain: how much of the truth is in the volume, 1 where all is right."""
    found, true = volume[inside].astype(np.float64), truth[inside].astype(np.float64)

    def rms(difference):
        return float(np.sqrt(np.mean(difference**2)))

    columns = np.stack([found, np.ones_like(found)], 1)
    normal = columns.T @ columns
    fitted = columns @ np.linalg.solve(normal, columns.T @ true)
    result = {
        "rmse_gain_fitted": rms(found * (found @ true) / (found @ found) - true),
        "rmse_fitted": rms(fitted - true),
    }
    middle = np.zeros_like(inside)
    middle[(len(truth) - 1) // 2 : len(truth) // 2 + 1] = True
    if own_scale:
        return result
    there = volume[inside & middle].astype(np.float64), truth[inside & middle].astype(np.float64)
    result["rmse"] = rms(found - true)
    result["rmse_middle"] = rms(there[0] - there[1])
    result["gain"] = float(found @ true / (true @ true))
    result["mean_ratio_middle"] = float(there[0].sum() / there[1].sum())
    return result


def run(lines, name, peers, options):
    """One case: every peer on the same projections, in turns, with each number of threads."""
    circle = CASES[name]
    peers = [entry for entry in peers if not (circle.fan and entry[0] in NO_FAN)]
    variants = [(peer, version, {}) for _, peer, version in peers]
    variants += [(peer, version, {"cpu": cpu}) for key, peer, version in peers if key == "kvox" for cpu in options.cpu]
    projections, truth = make(circle)
    inside = region(circle)
    for threads in options.threads:
        makers, prepared = [], []
        for peer, _, settings in variants:
            begin = time.perf_counter()
            makers.append(peer.CircleReconstructor(projections, circle, threads, **settings))
            prepared.append(time.perf_counter() - begin)
        taken, volumes = measure.in_turns([maker.run for maker in makers], options.runs, BUDGET_S)
        for n, (peer, version, _) in enumerate(variants):
            own = getattr(makers[n], "seconds", None)  # a program's own account of its stages
            measure.report(
                lines,
                case=title(name),
                peer=peer.NAME,
                version=version,
                settings=makers[n].settings,
                threads=threads,
                prepare_seconds=round(prepared[n], 4),
                **measure.rate(own[-len(taken[n]) :] if own else taken[n], volumes[n].size * circle.views, 1, 1),
                **errors(volumes[n], truth, inside, getattr(makers[n], "own_scale", False)),
            )
            makers[n].close()
