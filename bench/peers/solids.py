"""Objects made of ellipsoids in a cone beam: exact line integrals and voxel averages, independent of Kvox.

Lengths are in mm. At angle b the source stands at axis (sin b, -cos b, 0), columns run along (cos b, sin b, 0) and rows
along z; volumes are [k, j, i] with z, y, x growing.
"""

from typing import NamedTuple

import numpy as np

# The head of Kak and Slaney 1988 with raised contrast: value, half-axes, centre (of a radius), tilt about z in degrees.
HEAD = (
    (1.0, 0.69, 0.92, 0.9, 0.0, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.88, 0.0, 0.0, 0.0, 0.0),
    (-0.2, 0.41, 0.16, 0.21, -0.22, 0.0, -0.25, 108.0),
    (-0.2, 0.31, 0.11, 0.22, 0.22, 0.0, -0.25, 72.0),
    (0.2, 0.21, 0.25, 0.5, 0.0, 0.35, -0.25, 0.0),
    (0.2, 0.046, 0.046, 0.046, 0.0, 0.1, -0.25, 0.0),
    (0.1, 0.046, 0.023, 0.02, -0.08, -0.65, -0.25, 0.0),
    (0.1, 0.046, 0.023, 0.02, 0.06, -0.65, -0.25, 90.0),
    (0.2, 0.056, 0.04, 0.1, 0.06, -0.105, 0.625, 90.0),
    (-0.2, 0.056, 0.056, 0.1, 0.0, 0.1, 0.625, 0.0),
)

# Nothing but its place tells which way a volume is turned or mirrored.
OFF_CENTRE_BALL = ((1.0, 0.15, 0.15, 0.15, 0.5, 0.25, -0.35, 0.0),)


class Circle(NamedTuple):
    """A full turn of equal steps about a cube of voxels; the axis meets the middle of a square panel. `fan`: about its
    middle slice, which the middle row sees."""

    size: int  # voxels along each side
    views: int
    columns: int  # and rows
    fan: bool = False
    width_mm: float = 256.0
    panel_mm: float = 400.0
    axis_mm: float = 1000.0  # from the source
    detector_mm: float = 1500.0  # from the source

    @property
    def angles_deg(self):
        return np.arange(self.views) * 360.0 / self.views

    @property
    def pitch_mm(self):
        return self.panel_mm / self.columns

    @property
    def voxel_mm(self):
        return self.width_mm / self.size

    @property
    def pixels_mm(self):
        """Of columns or rows, from the middle."""
        return (np.arange(self.columns) - (self.columns - 1) / 2) * self.pitch_mm

    @property
    def voxels_mm(self):
        return (np.arange(self.size) - (self.size - 1) / 2) * self.voxel_mm


def line_integrals(ellipsoids, circle):
    """[view, row, column] in value times mm.

    In units where an ellipsoid is the unit ball a ray s + t d, d a pixel less the source, has the chord
    2 sqrt((s.d)^2 - d.d (s.s - 1)) / d.d in steps of d. Tilts are about z: d.d and s.d are sums of what the column and
    what the row gives.
    """
    radius = circle.width_mm / 2
    across, up = circle.pixels_mm, circle.pixels_mm
    length = np.sqrt(circle.detector_mm**2 + across**2 + up[:, None] ** 2)
    result = np.zeros((circle.views, circle.columns, circle.columns), np.float32)
    for view, angle in enumerate(np.deg2rad(circle.angles_deg)):
        u = np.array([np.cos(angle), np.sin(angle)])
        ahead = np.array([-np.sin(angle), np.cos(angle)])
        total = np.zeros((circle.columns, circle.columns))
        for value, a, b, c, x, y, z, tilt in ellipsoids:
            cos, sin = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
            to_ball = np.array([[cos, sin], [-sin, cos]]) / (radius * np.array([[a], [b]]))
            source = to_ball @ (-circle.axis_mm * ahead - radius * np.array([x, y]))
            d = (to_ball @ (circle.detector_mm * ahead))[:, None] + (to_ball @ u)[:, None] * across
            source_z, d_z = -z / c, up / (radius * c)
            dd = (d**2).sum(0) + (d_z**2)[:, None]
            sd = source @ d + (source_z * d_z)[:, None]
            met = np.maximum(sd**2 - dd * (source @ source + source_z**2 - 1), 0)
            total += 2 * value * np.sqrt(met) / dd
        result[view] = total * length
    return result


def _distance2(ellipsoid, x, y, z):
    """Squared distance from the middle in units where the ellipsoid is the unit ball."""
    _, a, b, c, x0, y0, z0, tilt = ellipsoid
    cos, sin = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
    x, y = x - x0, y - y0
    return ((x * cos + y * sin) / a) ** 2 + ((-x * sin + y * cos) / b) ** 2 + ((z - z0) / c) ** 2


def averages(ellipsoids, circle, samples=8):
    """The mean over every voxel: of samples^3 points where a surface may cross it, else the value at its middle."""
    radius = circle.width_mm / 2
    middles = circle.voxels_mm / radius
    half_diagonal = np.sqrt(3) / 2 * circle.voxel_mm / radius
    fine = ((np.arange(samples) + 0.5) / samples - 0.5) * circle.voxel_mm / radius
    dz, dy, dx = (grid.ravel() for grid in np.meshgrid(fine, fine, fine, indexing="ij"))
    volume = np.zeros((circle.size,) * 3, np.float32)
    for ellipsoid in ellipsoids:
        value, a, b, c, _, _, z0, _ = ellipsoid
        reach = half_diagonal / min(a, b, c)
        for k in np.flatnonzero(np.abs(middles - z0) <= c + half_diagonal):
            distance = np.sqrt(_distance2(ellipsoid, middles[None, :], middles[:, None], middles[k]))
            volume[k][distance <= 1 - reach] += value
            j, i = np.nonzero(np.abs(distance - 1) < reach)
            points = _distance2(ellipsoid, middles[i, None] + dx, middles[j, None] + dy, middles[k] + dz)
            volume[k, j, i] += value * (points <= 1).mean(1, dtype=np.float64)
    return volume
