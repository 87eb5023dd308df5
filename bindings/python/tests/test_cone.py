"""Fan and cone beams: where points fall, forms that convert both ways, exact projections, ASTRA beside them."""

import numpy as np
import pytest

import kvox
from kvox.ct import Geometry

LENGTHS = {"source_to_axis_mm": 300.0, "source_to_detector_mm": 700.0, "column_pitch_mm": 1.5, "row_pitch_mm": 2.0}


def cone(shape=(9, 21, 33), **more):
    return Geometry.cone(shape, **{**LENGTHS, "column_offset_px": 1.25, "row_offset_px": -0.75, **more})


def pixels(geometry, view, points):
    column, row, depth = geometry.matrix(view) @ np.append(points, np.ones((len(points), 1)), 1).T
    return column / depth, row / depth


def test_points_fall_where_the_convention_says():
    geometry = cone((4, 21, 33))
    # At 90 degrees the source is on +x and u is +y.
    view = geometry.view(1)
    assert view.source_mm == (300, 0, 0) and np.allclose(view.column_step_mm, (0, 1.5, 0), atol=0)
    column, row = pixels(geometry, 1, np.array([[0, 0, 0], [0, 3, 6], [100, 3, 6]]))
    assert np.allclose(column, [17.25, 17.25 + 3 * (700 / 300) / 1.5, 17.25 + 3 * (700 / 200) / 1.5], atol=1e-12)
    assert np.allclose(row, [9.25, 9.25 + 6 * (700 / 300) / 2, 9.25 + 6 * (700 / 200) / 2], atol=1e-12)
    assert geometry.center_px == 17.25 and geometry.with_center(15).center_px == 15
    assert geometry.with_center(15).distances_mm == geometry.distances_mm == (300, 700)
    assert geometry.beam == "cone" and geometry.is_circular and geometry.pitch_mm == (1.5, 2)
    assert np.isclose(geometry.default_grid.spacing_mm[0], 1.5 * 300 / 700)
    assert "cone" in repr(geometry) and "The cone opens to" in geometry.check()


def test_forms_convert_both_ways():
    straight = cone()
    points = np.random.default_rng(1).uniform(-50, 50, (20, 3))
    views = [straight.view(i) for i in range(9)]
    matrices = np.array([straight.matrix(i) for i in range(9)])
    others = [
        Geometry.from_views(views, 21, 33),
        Geometry.from_matrices(-2.5 * matrices, 21, 33, column_pitch_mm=1.5),
        Geometry.from_astra(straight.to_astra(), 21, 33),
    ]
    for other in others:
        assert not other.is_circular and other.beam == "cone"
        for i in range(9):
            assert np.allclose(pixels(other, i, points), pixels(straight, i, points), atol=1e-9, rtol=0)
        assert np.allclose(np.mod(other.angles_deg - straight.angles_deg + 1, 360), 1)
        with pytest.raises(kvox.Error, match="one by one"):
            other.with_center(3)
    parallel = Geometry.parallel((9, 21, 33), column_pitch_mm=1.5)
    again = Geometry.from_astra(parallel.to_astra(), 21, 33, beam="parallel")
    assert np.allclose(again.matrix(4), parallel.matrix(4), atol=1e-12)


def test_views_given_one_by_one_are_reconstructed():
    straight = Geometry.cone((60, 17, 41), **LENGTHS)
    projections = kvox.ct.simulate(kvox.phantom.Phantom("spheres", radius_mm=12), straight)
    volume = np.asarray(kvox.ct.FBP(straight)(projections))
    views = [straight.view(i) for i in range(60)]
    matrices = np.array([straight.matrix(i) for i in range(60)])
    for other in (
        Geometry.from_views(views, 17, 41),
        Geometry.from_matrices(matrices, 17, 41, column_pitch_mm=straight.pitch_mm[0]),
    ):
        again = np.asarray(kvox.ct.FBP(other, grid=straight.default_grid)(projections))
        assert np.abs(again - volume).max() <= 2e-5 * np.abs(volume).max()


def test_a_fan_s_rows_are_planes():
    geometry = Geometry.fan((6, 5, 65), **LENGTHS)
    cylinder = kvox.phantom.Phantom("discs", radius_mm=25)
    projections = kvox.ct.simulate(cylinder, geometry, dtype=np.float64)
    assert (projections == projections[:, :1]).all() and projections.max() > 10
    assert geometry.weights_rad.sum() == pytest.approx(2 * np.pi)
    with pytest.raises(kvox.Error, match="planes"):
        geometry.matrix(0)


@pytest.mark.parametrize("kind", ["fan", "cone", "views"])
def test_projections_are_line_integrals(kind):
    geometry = Geometry.fan((7, 5, 41), **LENGTHS) if kind == "fan" else cone((7, 5, 41))
    if kind == "views":
        geometry = Geometry.from_views([geometry.view(i) for i in range(7)], 5, 41)
    phantom = kvox.phantom.Phantom("spheres", radius_mm=25)
    projections = kvox.ct.simulate(phantom, geometry, dtype=np.float64)
    for view, row, column in [(0, 2, 20), (3, 1, 25), (6, 4, 12)]:
        seen = geometry.view(view)
        pixel = (
            np.array(seen.detector_mm)
            + (column - 20) * np.array(seen.column_step_mm)
            + (row - 2) * np.array(seen.row_step_mm)
        )
        source = np.array(seen.source_mm) + (np.array([0, 0, pixel[2]]) if kind == "fan" else 0)
        exact = phantom.line_integral(pixel, pixel - source)
        assert projections[view, row, column] == pytest.approx(exact, abs=1e-9)


def test_geometry_files(tmp_path):
    geometry = cone(angles_deg=[0, 1, 5, 90, 180, 200, 300, 301, 302])
    kvox.io.write_geometry(tmp_path / "g.json", geometry)
    again = kvox.io.read_geometry(tmp_path / "g.json")
    assert again.beam == "cone" and (again.to_astra() == geometry.to_astra()).all()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"source_to_detector_mm": 300.0}, "greater than source_to_axis_mm"),
        ({"source_to_axis_mm": float("nan")}, "source_to_axis_mm is nan"),
        ({"row_pitch_mm": 0}, "row_pitch_mm is 0"),
    ],
)
def test_wrong_lengths_are_named(options, words):
    with pytest.raises(kvox.Error, match=words):
        cone(**options)


def test_astra_s_circles_have_our_vectors():
    astra = pytest.importorskip("astra")
    geometry = Geometry.cone((9, 21, 33), **LENGTHS)
    theirs = astra.create_proj_geom("cone", 1.5, 2.0, 21, 33, np.deg2rad(geometry.angles_deg), 300, 400)
    assert np.allclose(geometry.to_astra(), astra.geom_2vec(theirs)["Vectors"], atol=1e-9, rtol=0)
    geometry = Geometry.parallel((9, 21, 33), column_pitch_mm=1.5, row_pitch_mm=2)
    theirs = astra.create_proj_geom("parallel3d", 1.5, 2.0, 21, 33, np.deg2rad(geometry.angles_deg))
    assert np.allclose(geometry.to_astra(), astra.geom_2vec(theirs)["Vectors"], atol=1e-9, rtol=0)


def test_astra_projects_alike():
    """One row, by ASTRA's projector for the CPU, which has fans but no cones."""
    astra = pytest.importorskip("astra")
    geometry = Geometry.fan((12, 129), source_to_axis_mm=300, source_to_detector_mm=700, column_pitch_mm=1.0)
    phantom = kvox.phantom.Phantom("discs", radius_mm=25)
    ours = kvox.ct.simulate(phantom, geometry, dtype=np.float64)[:, 0]
    grid = kvox.Grid.centered((512, 512, 1), (0.125, 0.125, 1))
    image = phantom.fill(grid, 8).array[0]
    volume = astra.create_vol_geom(512, 512, -32, 32, -32, 32)
    vectors = geometry.to_astra()[:, [0, 1, 3, 4, 6, 7]]
    scan = astra.create_proj_geom("fanflat_vec", 129, vectors)
    projector = astra.create_projector("line_fanflat", scan, volume)
    # ASTRA's row 0 is at +y.
    _, theirs = astra.create_sino(np.ascontiguousarray(image[::-1]), projector)
    assert np.abs(theirs - ours).max() < 0.02 * ours.max()


def some_views(beam):
    if beam == "fan":
        return Geometry.fan((9, 5, 33), **LENGTHS)
    if beam == "views":
        views = [cone().view(i) for i in range(9)]
        return Geometry.from_views([v._replace(row_step_mm=(0.1, -0.05, 2.0)) for v in views], 21, 33)
    return cone()


@pytest.mark.parametrize("beam", ["fan", "cone", "views"])
def test_the_operator_and_its_adjoint(beam):
    geometry = some_views(beam)
    grid = kvox.ct.make_grid(geometry, (31, 33, 7), (0.7, 0.8, 0.9))
    operator = kvox.ct.Operator(geometry, grid)
    rng = np.random.default_rng(11)
    x = rng.standard_normal(grid.shape).astype(np.float32)
    y = rng.standard_normal(geometry.shape).astype(np.float32)
    ax, aty = operator.forward(x), operator.adjoint(y)
    left, right = np.vdot(ax.astype(float), y.astype(float)), np.vdot(x.astype(float), aty.astype(float))
    assert abs(left - right) < 1e-5 * np.linalg.norm(ax) * np.linalg.norm(y)
    assert np.array_equal(operator.rmatvec(y.ravel()), aty.ravel())
    assert operator.memory.workspace >= 0


def test_parallel_beams_take_joseph_too():
    geometry = Geometry.parallel((12, 3, 33))
    grid = geometry.default_grid
    ball = kvox.phantom.Phantom("cylinder", radius_mm=12).fill(grid)
    joseph, driven = (kvox.ct.Operator(geometry, grid, method=m).forward(ball) for m in ("joseph", "pixel-driven"))
    # The pixel-driven one beats with the columns at 45 degrees, where rows of voxels are 0.7 columns apart.
    assert not np.array_equal(joseph, driven) and np.abs(joseph - driven).max() < 0.2 * driven.max()
    with pytest.raises(kvox.Error, match="joseph"):
        kvox.ct.Operator(geometry, grid, method="radon")
    with pytest.raises(kvox.Error, match="cone beam"):
        kvox.ct.Operator(cone(), method="pixel-driven")
