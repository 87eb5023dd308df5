"""The tooth, from its raw file to pictures of it by Kvox and scikit-image."""

import h5py
import measure
import numpy as np
import peer_kvox
import peer_skimage
import tooth


def read(path):
    """Line integrals [view, row, column] and the angles in degrees; counts are clamped to 1 above dark, as by Kvox."""
    with h5py.File(path) as file:
        group = file["exchange"]
        counts = group["data"][:].astype(np.float64)
        flat, dark = (group[name][:].mean(0, dtype=np.float64) for name in ("data_white", "data_dark"))
        angles_deg = group["theta"][:].astype(np.float64)
    return np.log((flat - dark) / np.maximum(counts - dark, 1)).astype(np.float32), angles_deg


def centred(projections, center_px):
    """Projections with the axis at the middle of an odd number of columns: rows are shifted by the fraction of a pixel
    through their spectrum, which leaves their noise and sharpness, and zeros are put to the shorter side."""
    columns = projections.shape[2]
    whole = int(np.floor(center_px + 0.5))
    left, right = max(0, columns - 1 - 2 * whole), max(0, 2 * whole - (columns - 1))
    margin = columns  # the transform wraps round
    wide = np.pad(projections.astype(np.float64), ((0, 0), (0, 0), (margin, margin)), mode="edge")
    frequencies = np.fft.rfftfreq(wide.shape[2])
    turn = np.exp(2j * np.pi * frequencies * (center_px - whole))
    wide = np.fft.irfft(np.fft.rfft(wide) * turn, wide.shape[2])
    shifted = wide[:, :, margin : margin + columns].astype(np.float32)
    return np.pad(shifted, ((0, 0), (0, 0), (left, right)))


def compare_tooth(path, threads, runs):
    """Pictures about one axis on one grid; their seconds, noise and edges."""
    import kvox

    projections, angles_deg = read(path)
    center_px = kvox.ct.find_center(projections, angles_deg)
    size = projections.shape[2]
    makers = {
        peer_kvox.NAME: peer_kvox.Reconstructor(projections, angles_deg, size, threads, center_px=center_px),
        peer_skimage.NAME: peer_skimage.Reconstructor(centred(projections, center_px), angles_deg, size, threads),
    }
    taken, results = measure.in_turns([maker.run for maker in makers.values()], runs)
    lines, pictures = [], {}
    for n, (name, maker) in enumerate(makers.items()):
        maker.close()
        pictures[name] = results[n]
        rate = measure.rate(taken[n], results[n].size * len(angles_deg), len(results[n]), len(results[n]))
        lines.append({"peer": name, "settings": maker.settings, "center_px": round(float(center_px), 3), **rate})
    measured_px = min(center_px, size - 1 - center_px)
    for row in range(projections.shape[1]):
        quality, looked_at = tooth.compare({name: stack[row] for name, stack in pictures.items()}, 0.95 * measured_px)
        for line in lines:
            yield {**line, "row": row, **quality[line["peer"]], **looked_at}
