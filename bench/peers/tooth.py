"""Two numbers for a picture of a real object in air: the noise of the air and the width of the object's edges.

Used by the benchmark and the demo. Pictures that are compared lie on one grid, and the places that are looked at come
from their mean, so that no picture chooses for itself.
"""

import warnings

import numpy as np
from scipy import ndimage, optimize, special

TILE_PX = 16  # regions of air
REACH_PX = 8  # of a profile to either side of the edge
RAYS = 720
STEEPEST = 0.25  # the part of the edges that counts: the rest is rough or meets the slice at a slant


def object_level(picture):
    """Half-way between the air and the object: the threshold that parts the picture's values best (Otsu 1979)."""
    counts, edges = np.histogram(picture, 512)
    middles = (edges[:-1] + edges[1:]) / 2
    below, weighted = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (weighted / below - (weighted[-1] - weighted) / above) ** 2
    return middles[np.nanargmax(between)]


def air_tiles(picture, radius_px, clear_px=20):
    """Slices of the squares that lie inside the measured circle (about the picture's middle pixel) and in clear air."""
    smooth = ndimage.gaussian_filter(picture, 2)
    occupied = ndimage.binary_dilation(smooth > object_level(picture), iterations=clear_px)
    size = picture.shape[0]
    j, i = np.indices(picture.shape) - size // 2
    free = ~occupied & (np.hypot(i, j) < radius_px)
    tiles = []
    for row in range(0, size - TILE_PX + 1, TILE_PX):
        for column in range(0, size - TILE_PX + 1, TILE_PX):
            tile = np.s_[row : row + TILE_PX, column : column + TILE_PX]
            if free[tile].all():
                tiles.append(tile)
    return tiles


def noise(picture, tiles):
    """The standard deviation within the tiles, each about its own mean."""
    return float(np.sqrt(np.mean([np.var(picture[tile], dtype=np.float64, ddof=1) for tile in tiles])))


def outer_edges(picture):
    """Points (x, y) of the object's outline and the outward normals there, from rays out of the object's middle."""
    level = object_level(picture)
    smooth = ndimage.gaussian_filter(picture, 1.5)
    inside = ndimage.binary_fill_holes(ndimage.binary_opening(smooth > level, iterations=3))
    names, count = ndimage.label(inside)
    body = names == 1 + np.argmax(ndimage.sum_labels(inside, names, range(1, count + 1)))
    y0, x0 = ndimage.center_of_mass(body)
    reach = np.arange(0, picture.shape[0] // 2, 0.25)
    angles = np.arange(RAYS) * 2 * np.pi / RAYS
    radii = np.empty(RAYS)
    for n, angle in enumerate(angles):
        x, y = x0 + reach * np.cos(angle), y0 + reach * np.sin(angle)
        inside_ray = ndimage.map_coordinates(body.astype(float), (y, x), order=1) > 0.5
        radii[n] = reach[np.flatnonzero(inside_ray)[-1]]
    slope = np.gradient(ndimage.gaussian_filter1d(radii, 2, mode="wrap"), angles[1])
    turn = angles - np.arctan2(slope, radii)
    points = np.stack([x0 + radii * np.cos(angles), y0 + radii * np.sin(angles)], 1)
    return points, np.stack([np.cos(turn), np.sin(turn)], 1)


def _step(x, place, sigma, low, height):
    return low + height * 0.5 * special.erfc((x - place) / (np.sqrt(2) * sigma))


def edge_widths(picture, points, normals):
    """The distance in pixels from 10 to 90 % of a Gaussian-blurred step fitted across every edge; NaN: no fit."""
    x = np.arange(-REACH_PX, REACH_PX + 0.25, 0.5)
    widths = np.full(len(points), np.nan)
    for n, (point, normal) in enumerate(zip(points, normals, strict=True)):
        along = point[:, None] + normal[:, None] * x
        values = ndimage.map_coordinates(picture, along[::-1], order=1)
        start = (0.0, 1.5, values[-4:].mean(), values[:4].mean() - values[-4:].mean())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optimize.OptimizeWarning)
                (place, sigma, _, _), _ = optimize.curve_fit(_step, x, values, start, maxfev=200)
        except RuntimeError:
            continue
        if abs(place) < REACH_PX / 2 and 0.1 < abs(sigma) < REACH_PX / 2:
            widths[n] = 2 * special.ndtri(0.9) * abs(sigma)
    return widths


def compare(pictures, radius_px):
    """{name: [j, i]} to {name: {"air_noise", "edge_width_px"}} and how many tiles and edges were looked at."""
    pictures = {name: np.asarray(picture, np.float64) for name, picture in pictures.items()}
    mean = sum(pictures.values()) / len(pictures)
    tiles = air_tiles(mean, radius_px)
    points, normals = outer_edges(mean)
    widths = {name: edge_widths(picture, points, normals) for name, picture in pictures.items()}
    together = np.mean(list(widths.values()), 0)
    chosen = together <= np.nanquantile(together, STEEPEST)
    report = {
        name: {"air_noise": noise(picture, tiles), "edge_width_px": float(np.median(widths[name][chosen]))}
        for name, picture in pictures.items()
    }
    return report, {"tiles": len(tiles), "edges": int(chosen.sum())}
