"""Objects made of ellipses: exact line integrals and voxel averages, independent of Kvox.

Lengths are in pixels of the pictures. A ray at angle b meets x cos b + y sin b = s; images are [j, i] with x growing
with i and y with j.
"""

import numpy as np

# Shepp and Logan 1974 with the raised contrast of Toft 1996: value, half-axes, centre (of a radius), tilt in degrees.
SHEPP_LOGAN = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)

# Nothing but its place tells which way a picture is turned or mirrored.
OFF_CENTRE_DISC = ((1.0, 0.1, 0.1, 0.5, 0.25, 0.0),)


def line_integrals(ellipses, radius_px, angles_deg, columns):
    """[view, column] in value times pixels; the axis projects to column (columns - 1) / 2."""
    b = np.deg2rad(angles_deg)[:, None]
    s = (np.arange(columns) - (columns - 1) / 2)[None, :]
    return rays(ellipses, radius_px, b, s)


def fan_line_integrals(ellipses, circle):
    """[view, column] in value times mm: the ray at angle g from the middle one, towards +u, is the parallel ray with
    angle b - g that passes the axis at sin g of the source's distance."""
    b, g = np.deg2rad(circle.angles_deg)[:, None], np.arctan2(circle.pixels_mm, circle.detector_mm)[None, :]
    return rays(ellipses, circle.width_mm / 2, b - g, circle.axis_mm * np.sin(g))


def rays(ellipses, radius_px, b, s):
    """Exact integrals along the rays x cos b + y sin b = s; b in radians, of shapes that go together."""
    s = s / radius_px
    total = np.zeros(np.broadcast_shapes(b.shape, s.shape))
    for value, a, c, x, y, tilt in ellipses:
        turned = b - np.deg2rad(tilt)
        reach2 = (a * np.cos(turned)) ** 2 + (c * np.sin(turned)) ** 2
        distance = s - (x * np.cos(b) + y * np.sin(b))
        total += 2 * value * a * c * np.sqrt(np.maximum(reach2 - distance**2, 0)) / reach2
    return (total * radius_px).astype(np.float32)


def averages(ellipses, radius_px, size, first_px, samples=8):
    """The mean over every pixel of [j, i]; pixel 0 has its centre at first_px = (x, y)."""
    fine = (np.arange(samples) + 0.5) / samples - 0.5
    x = ((np.arange(size) + first_px[0])[:, None] + fine).ravel() / radius_px
    image = np.zeros((size, size))
    for j in range(size):
        y = ((j + first_px[1]) + fine)[:, None] / radius_px
        inside = np.zeros((samples, size * samples))
        for value, a, c, x0, y0, tilt in ellipses:
            cos, sin = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
            u = ((x - x0) * cos + (y - y0) * sin) / a
            v = (-(x - x0) * sin + (y - y0) * cos) / c
            inside += value * (u * u + v * v <= 1)
        image[j] = inside.reshape(samples, size, samples).mean((0, 2))
    return image


def distance_px(size, first_px):
    """The distance of every pixel's centre from the axis."""
    x = np.arange(size) + first_px[0]
    y = np.arange(size) + first_px[1]
    return np.hypot(*np.meshgrid(x, y))
