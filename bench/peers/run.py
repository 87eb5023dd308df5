"""Kvox beside other reconstructors: the same data, thread counts and pixels, in one run; error beside time.

One JSON line a measurement, then a table. Reading of files is never timed. KVOX_DATA names the folder with ct/tooth.h5.
"""

import argparse
import os
import pathlib
import platform
import sys
import time

import circle
import magnitude
import measure
import numpy as np
import peer_astra
import peer_kvox
import peer_midas
import peer_skimage
import peer_tomopy
import scan
import scenes

PEERS = {"kvox": peer_kvox, "skimage": peer_skimage, "astra": peer_astra, "midas": peer_midas, "tomopy": peer_tomopy}
SIZE, VIEWS, COLUMNS, STACK = 512, 720, 729, 64
SAME_PLACE_PX = 0.25
CASES = ("slice", "stack", "tooth", *circle.CASES, *magnitude.CASES)


def half_turn(views):
    return np.arange(views) * 180.0 / views


def misplacement_px(peer):
    """How far the middle of an off-centre disc lies from where it is: tells pictures that are turned or mirrored."""
    size, views, columns = 128, 180, 183
    projections = scenes.line_integrals(scenes.OFF_CENTRE_DISC, size / 2, half_turn(views), columns)[:, None, :]
    reconstructor = peer.Reconstructor(projections, half_turn(views), size, 1)
    try:
        picture = np.asarray(reconstructor.run()[0], np.float64)
        x0, y0 = reconstructor.first_px
    finally:
        reconstructor.close()
    y, x = np.indices(picture.shape)
    disc = np.where(picture > 0.5, picture, 0)
    _, _, _, true_x, true_y, _ = scenes.OFF_CENTRE_DISC[0]
    found = [(disc * at).sum() / disc.sum() for at in (x + x0, y + y0)]
    return float(np.hypot(found[0] - true_x * size / 2, found[1] - true_y * size / 2))


def usable(names):
    """The peers that are here and put the disc where it belongs; the others are named with the reason."""
    found = []
    for name in names:
        peer = PEERS[name]
        version, why = peer.available()
        if version is None:
            print(f"left out: {peer.NAME}: {why}", file=sys.stderr)
            continue
        distance = misplacement_px(peer)
        if not distance < SAME_PLACE_PX:
            print(f"left out: {peer.NAME} {version}: its pictures lie {distance:.2f} pixels aside", file=sys.stderr)
            continue
        found.append((name, peer, version))
    return found


def variants_of(peers, cpus):
    """(peer, version, settings): every peer once, and Kvox again at lower CPU levels."""
    found = [(peer, version, {}) for _, peer, version in peers]
    return found + [(peer, version, {"cpu": cpu}) for name, peer, version in peers if name == "kvox" for cpu in cpus]


def phantom_case(lines, peers, options, title, slices):
    angles = half_turn(VIEWS)
    sinogram = scenes.line_integrals(scenes.SHEPP_LOGAN, SIZE / 2, angles, COLUMNS)
    first_px = (-(SIZE // 2), -(SIZE - 1 - SIZE // 2))
    truth = scenes.averages(scenes.SHEPP_LOGAN, SIZE / 2, SIZE, first_px)
    distance = scenes.distance_px(SIZE, first_px)
    variants = variants_of(peers, options.cpu)
    for threads in options.threads:
        makers, counts, prepared = [], [], []
        for peer, _, settings in variants:
            counts.append(slices if peer.Reconstructor.makes_whole_stack else min(slices, options.peer_slices))
            projections = np.repeat(sinogram[:, None, :], counts[-1], axis=1)
            begin = time.perf_counter()
            makers.append(peer.Reconstructor(projections, angles, SIZE, threads, **settings))
            prepared.append(time.perf_counter() - begin)
            assert makers[-1].first_px == first_px
        taken, pictures = measure.in_turns([maker.run for maker in makers], options.runs)
        for n, (peer, version, _) in enumerate(variants):
            measure.report(
                lines,
                case=title,
                peer=peer.NAME,
                version=version,
                settings=makers[n].settings,
                threads=threads,
                prepare_seconds=round(prepared[n], 4),
                **measure.rate(taken[n], SIZE * SIZE * slices * VIEWS, counts[n], slices),
                **measure.errors(pictures[n][-1], truth, distance, SIZE / 2),
            )
            makers[n].close()


def tooth_case(lines, peers, options):
    """A real tooth: Kvox and scikit-image about the same axis, found by Kvox in the data."""
    folder = os.environ.get("KVOX_DATA", "")
    path = pathlib.Path(folder, "ct", "tooth.h5")
    names = {name for name, _, _ in peers}
    if not folder or not path.exists():
        print("left out: the tooth, because KVOX_DATA does not name a folder with ct/tooth.h5", file=sys.stderr)
        return
    if not {"kvox", "skimage"} <= names:
        print("left out: the tooth, because it needs both Kvox and scikit-image", file=sys.stderr)
        return
    for line in scan.compare_tooth(path, max(options.threads), options.runs):
        measure.report(lines, case="tooth", threads=max(options.threads), **line)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="timed runs after a warm-up; the median counts (3)")
    parser.add_argument("--threads", type=int, nargs="+", help="thread counts (1 and all cores)")
    names = list({**PEERS, **circle.PEERS, **magnitude.PEERS})
    parser.add_argument("--with", nargs="+", choices=names, default=names, dest="peers", help="(all of them)")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES, help="(all of them)")
    parser.add_argument("--cpu", nargs="*", default=["avx2"], help="more CPU levels of Kvox to measure (avx2)")
    parser.add_argument(
        "--peer-slices",
        type=int,
        default=8,
        help="slices that slow peers make of the stack; their time is scaled, and it is said (8)",
    )
    options = parser.parse_args(arguments)
    options.threads = options.threads or sorted({1, os.cpu_count()})
    return options


COLUMNS_OF_TABLE = (
    ("case", "case", "{}"),
    ("peer", "peer", "{}"),
    ("settings", "settings", "{}"),
    ("threads", "threads", "{}"),
    ("seconds", "seconds_median", "{:.4f}"),
    ("least", "seconds_least", "{:.4f}"),
    ("scaled", "scaled", "{}"),
    ("of Kvox", "of_kvox", "{:.2f}"),
    ("NRMSE", "nrmse", "{:.2e}"),
    ("GUPS", "gups", "{:.2f}"),
    ("RMSE", "rmse", "{:.5f}"),
    ("RMSE flat", "rmse_flat", "{:.5f}"),
    ("gain fitted", "rmse_gain_fitted", "{:.5f}"),
    ("and offset", "rmse_fitted", "{:.5f}"),
    ("middle", "rmse_middle", "{:.5f}"),
    ("gain", "gain", "{:.4f}"),
    ("mean ratio", "mean_ratio_middle", "{:.4f}"),
    ("noise in air", "air_noise", "{:.3e}"),
    ("edge px", "edge_width_px", "{:.3f}"),
)


def parallel_cases(lines, options):
    if not {"slice", "stack", "tooth"} & set(options.cases):
        return
    peers = usable([name for name in options.peers if name in PEERS])
    if "kvox" in options.peers and peer_kvox not in [peer for _, peer, _ in peers]:
        sys.exit("run.py: nothing to compare: Kvox cannot be used here")
    if "slice" in options.cases:
        phantom_case(lines, peers, options, f"{SIZE}^2, {VIEWS} x {COLUMNS}", 1)
    if "stack" in options.cases:
        phantom_case(lines, peers, options, f"{SIZE}^2 x {STACK}, {VIEWS} x {COLUMNS}", STACK)
    if "tooth" in options.cases:
        tooth_case(lines, peers, options)


def circle_cases(lines, options):
    cases = [name for name in circle.CASES if name in options.cases]
    if not cases:
        return
    peers = circle.usable([name for name in options.peers if name in circle.PEERS])
    if "kvox" in options.peers and peer_kvox not in [peer for _, peer, _ in peers]:
        sys.exit("run.py: nothing to compare: Kvox cannot be used here")
    for name in cases:
        circle.run(lines, name, peers, options)


def mri_cases(lines, options):
    cases = [name for name in magnitude.CASES if name in options.cases]
    if not cases:
        return
    peers = magnitude.usable([name for name in options.peers if name in magnitude.PEERS])
    if "kvox" in options.peers and peer_kvox not in [peer for _, peer, _ in peers]:
        sys.exit("run.py: nothing to compare: Kvox cannot be used here")
    for name in cases:
        magnitude.run(lines, name, peers, options)


def main(arguments):
    options = parse(arguments)
    print(f"{measure.cpu_name()}, {os.cpu_count()} cores, {platform.platform()}", file=sys.stderr)
    lines = []
    parallel_cases(lines, options)
    circle_cases(lines, options)
    mri_cases(lines, options)
    shown = [column for column in COLUMNS_OF_TABLE if any(column[1] in line for line in lines)]
    print(measure.table(lines, shown), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
