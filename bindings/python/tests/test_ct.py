"""Computed tomography through the binding: geometry, correction, filter, reconstruction, the matched pair."""

import threading

import numpy as np
import pytest

import kvox
from kvox.ct import FBP, Geometry, Operator


def test_a_geometry_tells_what_it_is():
    geometry = Geometry.parallel((90, 4, 65), column_pitch_mm=0.5, row_pitch_mm=2, center_px=30.5)
    assert geometry.shape == (90, 4, 65) and geometry.unit == "1/mm"
    assert geometry.center_px == 30.5 and geometry.with_center(33).center_px == 33
    assert np.allclose(geometry.angles_deg, np.arange(90) * 2)
    assert geometry.weights_rad.sum() == pytest.approx(np.pi, rel=1e-12)
    assert geometry.default_grid == kvox.Grid.centered((65, 65, 4), (0.5, 0.5, 2))
    view = geometry.view(45)
    assert view.angle_deg == 90
    assert np.allclose(view.column_step_mm, (0, 0.5, 0)) and np.allclose(view.row_step_mm, (0, 0, 2))
    assert "90 views" in repr(geometry) and "The half turn is covered" in geometry.check()


def test_a_geometry_of_unknown_pitch_is_in_pixels():
    geometry = Geometry.parallel((10, 33), np.linspace(0, 180, 10, endpoint=False)[::-1])
    assert geometry.shape == (10, 1, 33) and geometry.unit == "1/pixel"
    assert geometry.default_grid.spacing_mm == (1, 1, 1)


def test_the_caller_s_angles_are_copied():
    angles = np.arange(0.0, 180.0, 10.0)
    geometry = Geometry.parallel((18, 33), angles)
    angles[:] = 0
    assert geometry.with_center(3).angles_deg[-1] == geometry.angles_deg[-1] == 170


@pytest.mark.parametrize(
    "shape, options, words",
    [
        ((90, 4, 0), {}, "columns"),
        ((90,), {}, "shape has 1"),
        ((90, 65), {"column_pitch_mm": -1}, "column_pitch_mm"),
        ((90, 65), {"column_pitch_mm": 0}, "column_pitch_mm is 0"),
        ((90, 65), {"angles_deg": [0, 1, 2]}, "90 numbers"),
        ((3, 65), {"angles_deg": [0, 1, float("nan")]}, "angle"),
    ],
)
def test_a_wrong_geometry_is_refused(shape, options, words):
    with pytest.raises(kvox.Error, match=words):
        Geometry.parallel(shape, **options)


def test_a_short_arc_is_refused_with_its_reason():
    geometry = Geometry.parallel((90, 65), np.arange(90))
    with pytest.raises(kvox.Error) as caught:
        geometry.check()
    assert caught.value.status == kvox.Status.ERROR_GEOMETRY
    sinogram = np.zeros((90, 65), np.float32)
    with pytest.raises(kvox.Error) as caught:
        kvox.ct.reconstruct(sinogram, geometry)
    assert caught.value.status == kvox.Status.ERROR_GEOMETRY
    assert kvox.ct.reconstruct(sinogram, geometry, allow_short_arc=True).shape == (1, 65, 65)


def test_line_integrals_are_the_phantom_s(head):
    view, row, column = 20, 1, 40
    angle = np.deg2rad(head.geometry.angles_deg[view])
    s = (column - 64) * 0.7
    exact = head.phantom.line_integral((s * np.cos(angle), s * np.sin(angle), 0), (-np.sin(angle), np.cos(angle), 0))
    assert head.projections[view, row, column] == pytest.approx(exact, rel=1e-6)
    twice = kvox.ct.simulate(head.phantom, head.geometry, dtype=np.float64)
    assert twice.dtype == np.float64 and np.allclose(twice, head.projections, rtol=1e-6, atol=1e-7)


def test_a_phantom_comes_back(head, within):
    volume = kvox.ct.reconstruct(head.projections, head.geometry)
    assert volume.array.dtype == np.float32 and volume.unit == "1/mm" and volume.grid == head.geometry.default_grid
    truth = head.phantom.fill(volume.grid)
    mask = within(volume.grid, 0.95 * 45)
    # The range is 0.02 / mm. Edges of the skull (one pixel wide here) hold nearly all of the error.
    assert kvox.quality.rmse(volume, truth, mask) < 0.06 * 0.02
    # Flat tissue inside the head, density 0.2 of the range, within 0.5 % of the whole range.
    flat = within(volume.grid, 3) & (np.abs(truth.array - 0.2 * 0.02) < 1e-9)
    assert flat.sum() > 30
    assert kvox.quality.statistics(volume, flat)[0] == pytest.approx(0.2 * 0.02, abs=0.005 * 0.02)


def test_a_cylinder_has_its_absolute_value(within):
    geometry = Geometry.parallel((360, 1, 201), column_pitch_mm=0.4, center_px=100.3)
    cylinder = kvox.phantom.Phantom("cylinder", radius_mm=45, density=0.02)
    volume = kvox.ct.reconstruct(kvox.ct.simulate(cylinder, geometry), geometry, hu=0.02)
    assert volume.unit == "HU"
    mean, _ = kvox.quality.statistics(volume, within(volume.grid, 0.9 * 0.8 * 45))
    assert abs(mean) < 5  # 0.5 % of water


def test_unsymmetric_discs_stand_where_they_are(within):
    geometry = Geometry.parallel((360, 1, 129), angles_deg=np.arange(360) * 0.5 - 40)
    discs = kvox.phantom.Phantom("discs", radius_mm=60)
    volume = kvox.ct.reconstruct(kvox.ct.simulate(discs, geometry), geometry)
    truth = discs.fill(volume.grid).array[0]
    picture = volume.array[0]
    mask = within(volume.grid, 0.95 * 64)[0]
    error = kvox.quality.rmse(picture, truth, mask)
    turns = [np.rot90(truth, k) for k in range(4)]
    others = [kvox.quality.rmse(picture, np.ascontiguousarray(t), mask) for t in turns[1:] + [t.T for t in turns]]
    assert error < 0.08 and min(others) > 3 * error


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_every_type_of_projections(dtype):
    geometry = Geometry.parallel((36, 2, 33))
    projections = np.random.default_rng(2).integers(0, 100, geometry.shape).astype(dtype)
    expected = kvox.ct.reconstruct(projections.astype(np.float32), geometry)
    assert np.array_equal(kvox.ct.reconstruct(projections, geometry).array, expected.array)


def test_any_strides_of_projections(head):
    expected = kvox.ct.reconstruct(head.projections, head.geometry).array
    p = head.projections
    for same in (
        np.asfortranarray(p),
        np.ascontiguousarray(p.transpose(1, 0, 2)).transpose(1, 0, 2),
        np.ascontiguousarray(p[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
        np.repeat(p, 2, axis=2)[:, :, ::2],
    ):
        assert np.array_equal(kvox.ct.reconstruct(same, head.geometry).array, expected)


def test_one_row_may_have_rank_two(head):
    one = kvox.ct.reconstruct(head.projections[:, 1], head.geometry.angles_deg)
    assert one.shape == (1, 129, 129) and one.unit == "1/pixel"
    stack = kvox.ct.reconstruct(head.projections, head.geometry.angles_deg)
    assert np.array_equal(one.array[0], stack.array[1])


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_same_bits_for_any_number_of_threads(head, threads):
    context = kvox.Context(threads=threads)
    noisy = kvox.ct.add_noise(head.projections, 1e5, seed=3, context=context)
    volume = kvox.ct.reconstruct(noisy, head.geometry, context=context)
    one = kvox.Context(threads=1)
    again = kvox.ct.reconstruct(
        kvox.ct.add_noise(head.projections, 1e5, seed=3, context=one), head.geometry, context=one
    )
    assert np.array_equal(volume.array, again.array)


def test_a_region_has_the_bits_of_the_whole(head):
    whole = kvox.ct.reconstruct(head.projections, head.geometry).array
    part = kvox.ct.reconstruct(head.projections, head.geometry, region=((11, 20, 1), (50, 31, 2)))
    assert np.array_equal(part.array, whole[1:3, 20:51, 11:61])
    grid = head.geometry.default_grid
    assert np.allclose(part.grid.origin_mm, grid.index_to_world((11, 20, 1)))


def test_a_memory_limit_changes_no_bit_and_too_small_a_one_names_the_least(head):
    plan = FBP(head.geometry)
    with pytest.raises(kvox.Error, match="[0-9]") as caught:
        FBP(head.geometry, memory_limit=1000)
    assert caught.value.status == kvox.Status.ERROR_MEMORY_LIMIT
    limited = FBP(head.geometry, memory_limit=plan.memory.workspace)
    assert limited.memory.workspace <= plan.memory.workspace
    assert np.array_equal(limited(head.projections).array, plan(head.projections).array)


def test_size_and_spacing_go_round_the_default_middle():
    geometry = Geometry.parallel((10, 6, 65), column_pitch_mm=0.5, row_offset_px=1.5)
    default = geometry.default_grid
    middle = default.index_to_world([0.5 * (n - 1) for n in default.size])
    for size, spacing, sizes, spacings in (
        (None, None, (65, 65, 6), (0.5, 0.5, 0.5)),
        (100, None, (100, 100, 6), (0.5, 0.5, 0.5)),
        (None, 0.25, (65, 65, 6), (0.25, 0.25, 0.5)),
        ((10, 20, 3), (1, 2, 0.5), (10, 20, 3), (1, 2, 0.5)),
        (np.array([10, 20, 3]), None, (10, 20, 3), (0.5, 0.5, 0.5)),
    ):
        grid = kvox.ct.make_grid(geometry, size, spacing)
        assert grid.size == sizes and grid.spacing_mm == spacings
        assert np.allclose(grid.index_to_world([0.5 * (n - 1) for n in sizes]), middle)


def test_out_is_written_in_place(head):
    expected = kvox.ct.reconstruct(head.projections, head.geometry).array
    memory = np.full((5, 129, 140), -1, np.float32)
    out = memory[1:4, :, 5:134]
    volume = kvox.ct.reconstruct(head.projections, head.geometry, out=out)
    assert volume.array is out and np.array_equal(out, expected) and volume.unit == "1/mm"
    assert volume.grid == head.geometry.default_grid
    assert (memory[[0, 4]] == -1).all() and (memory[:, :, :5] == -1).all() and (memory[:, :, 134:] == -1).all()
    again = kvox.ct.reconstruct(head.projections, head.geometry, out=volume)
    assert again is volume and volume.provenance == FBP(head.geometry).provenance


@pytest.mark.parametrize(
    "out, status",
    [
        (np.zeros((3, 129, 128), np.float32), kvox.Status.ERROR_SIZE),
        (np.zeros((3, 129, 129), np.float64), kvox.Status.ERROR_ARGUMENT),
        (np.zeros((3, 129, 258), np.float32)[:, :, ::2], kvox.Status.ERROR_ARGUMENT),
        (np.broadcast_to(np.float32(0), (3, 129, 129)), kvox.Status.ERROR_ARGUMENT),
        (np.zeros((3, 129, 129), np.int64), kvox.Status.ERROR_ARGUMENT),
    ],
)
def test_a_wrong_out_is_refused(head, out, status):
    with pytest.raises(kvox.Error) as caught:
        kvox.ct.reconstruct(head.projections, head.geometry, out=out)
    assert caught.value.status == status


def test_out_may_not_overlap_the_projections():
    geometry = Geometry.parallel((65, 1, 65))
    memory = np.zeros((65, 1, 65), np.float32)
    with pytest.raises(kvox.Error, match="overlap"):
        kvox.ct.reconstruct(memory, geometry, out=memory.reshape(1, 65, 65))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"filter": "butterworth"}, "'butterworth', must be one of ramp"),
        ({"cutoff": 0}, "cutoff is 0"),
        ({"cutoff": 1.5}, "cutoff"),
        ({"center": "middle"}, "center is 'middle'"),
        ({"spacing": -1}, "spacing"),
        ({"size": 0}, "size"),
        ({"region": ((0, 0, 0), (0, 0, 0))}, "region"),
        ({"region": ((0, 0, 0), (500, 1, 1))}, "region"),
        ({"hu": -1}, "water is -1"),
        ({"dark": np.zeros((3, 129))}, "flat is None"),
        ({"flat": np.ones((3, 128))}, "[0-9]"),
        ({"memory_limit": 10}, "[0-9]"),
    ],
)
def test_a_wrong_argument_is_named(head, change, words):
    with pytest.raises(kvox.Error, match=words):
        kvox.ct.reconstruct(head.projections, head.geometry, **change)


def test_bad_samples_are_refused(head):
    bad = head.projections.copy()
    bad[7, 1, 9] = np.nan
    with pytest.raises(kvox.Error) as caught:
        kvox.ct.reconstruct(bad, head.geometry)
    assert caught.value.status == kvox.Status.ERROR_DATA
    with pytest.raises(kvox.Error) as caught:
        kvox.ct.reconstruct(head.projections[:-1], head.geometry)
    assert caught.value.status == kvox.Status.ERROR_SIZE


def counts_of(line_integrals, rng):
    """Raw counts with their flat and dark frames; pixel (1, 5) is dead."""
    dark = rng.integers(90, 110, (4, *line_integrals.shape[1:])).astype(np.uint16)
    flat = rng.integers(40000, 60000, line_integrals.shape[1:])[None].repeat(3, 0).astype(np.uint16)
    gain = flat.mean(0) - dark.mean(0)
    flat[:, 1, 5] = 0
    return np.rint(dark.mean(0) + gain * np.exp(-line_integrals)).astype(np.uint16), flat, dark


def test_counts_are_corrected(head):
    counts, flat, dark = counts_of(head.projections, np.random.default_rng(5))
    assert kvox.ct.Correction(flat, dark).bad_pixels == 1
    lines = kvox.ct.correct(counts, flat, dark)
    # Counts near 1e4 and above are rounded to whole ones: 1e-4 at most, and a dead pixel lies between its neighbours.
    assert lines.dtype == np.float32 and np.abs(lines - head.projections).max() < 2e-2
    others = np.delete(np.abs(lines - head.projections)[:, 1], 5, axis=1)
    assert others.max() < 2e-4
    assert np.allclose(lines[:, 1, 5], (lines[:, 1, 4] + lines[:, 1, 6]) / 2, atol=1e-6)
    # Fused into the reconstruction, and of rank 2.
    fused = kvox.ct.reconstruct(counts, head.geometry, flat=flat, dark=dark)
    apart = kvox.ct.reconstruct(lines, head.geometry)
    assert np.abs(fused.array - apart.array).max() < 1e-5 * np.abs(apart.array).max()
    assert np.array_equal(kvox.ct.correct(counts[:, 0], flat[:, :1], dark[:, :1]), lines[:, 0])


def test_a_flat_of_zeros_is_refused(head):
    with pytest.raises(kvox.Error) as caught:
        kvox.ct.Correction(np.zeros((3, 129)))
    assert caught.value.status == kvox.Status.ERROR_DATA


def test_the_centre_is_found(head):
    for center in (61.3, 66.0):
        geometry = head.geometry.with_center(center)
        noisy = kvox.ct.add_noise(kvox.ct.simulate(head.phantom, geometry), 1e5, seed=1)
        assert kvox.ct.find_center(noisy, head.geometry) == pytest.approx(center, abs=0.1)
        auto = kvox.ct.reconstruct(noisy, head.geometry, center="auto")
        given = kvox.ct.reconstruct(noisy, head.geometry, center=kvox.ct.find_center(noisy, head.geometry.angles_deg))
        assert np.array_equal(auto.array, given.array)


def test_noise_is_poisson_s():
    lines = np.full((40, 5, 200), 1.5)
    noisy = kvox.ct.add_noise(lines, 1e4, seed=7)
    assert noisy is not lines and noisy.dtype == np.float64 and (lines == 1.5).all()
    # -log of counts with mean n has the deviation 1 / sqrt(n); 40000 samples give it to 0.35 % (one sigma).
    n = 1e4 * np.exp(-1.5)
    assert noisy.std() == pytest.approx(n**-0.5, rel=0.02)
    assert noisy.mean() == pytest.approx(1.5 + 0.5 / n, abs=5 * n**-0.5 / 200)
    assert not np.array_equal(noisy, kvox.ct.add_noise(lines, 1e4, seed=8))
    assert kvox.ct.add_noise(lines, 1e4, seed=7, out=lines) is lines and np.array_equal(lines, noisy)


def test_the_filter_alone(head):
    filtered = kvox.ct.filter(head.projections, head.geometry)
    assert filtered.shape == head.projections.shape and filtered.dtype == np.float32
    # Linear, and a row filtered as Kak and Slaney's equation 3.61 says, in double precision.
    assert np.allclose(kvox.ct.filter(2 * head.projections, head.geometry), 2 * filtered, rtol=1e-6)
    offset = np.arange(-128, 129)
    kernel = np.zeros(257)
    kernel[128] = 1 / (4 * 0.7**2)
    kernel[offset % 2 != 0] = -1 / (np.pi * 0.7 * offset[offset % 2 != 0]) ** 2
    row = 0.7 * np.convolve(head.projections[33, 2].astype(float), kernel)[128:257]
    assert np.abs(filtered[33, 2] - row).max() < 1e-5 * np.abs(row).max()
    names = kvox.ct.filters()
    assert names == ["ramp", "shepp-logan", "cosine", "hamming", "hann"]
    assert len({kvox.ct.filter(head.projections, head.geometry, name).tobytes() for name in names}) == 5
    hann = 0.5 + 0.5 * np.cos(np.pi * np.linspace(0, 1, 4097))
    own = kvox.ct.filter(head.projections, head.geometry, hann)
    assert np.abs(own - kvox.ct.filter(head.projections, head.geometry, "hann")).max() < 1e-5 * np.abs(own).max()


def test_one_plan_in_several_threads(head):
    plan = FBP(head.geometry, context=kvox.Context(threads=2))
    noisy = [kvox.ct.add_noise(head.projections, 1e5, seed=seed) for seed in range(4)]
    expected = [plan(projections).array for projections in noisy]
    wrong = []

    def work(index):
        workspace = kvox.Workspace(plan.context)
        for _ in range(5):
            if not np.array_equal(plan(noisy[index], workspace=workspace).array, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_gil_is_released():
    context = kvox.Context(threads=1, cpu="ref")
    geometry = Geometry.parallel((360, 2, 256), context=context)
    plan = FBP(geometry)
    turns, done = [], threading.Event()

    def count():
        while not done.wait(0.001):
            turns.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    plan(np.zeros(geometry.shape, np.float32))
    done.set()
    thread.join()
    assert len(turns) > 20


def test_the_operator_and_its_adjoint():
    geometry = Geometry.parallel((50, 3, 61), column_pitch_mm=0.8, column_offset_px=0.37)
    grid = kvox.ct.make_grid(geometry, (57, 49, 3), (0.7, 0.7, 0.8))
    operator = Operator(geometry, grid)
    assert operator.shape == (50 * 3 * 61, 57 * 49 * 3) and operator.memory.plan >= 0
    rng = np.random.default_rng(11)
    x = rng.standard_normal(grid.shape).astype(np.float32)
    y = rng.standard_normal(geometry.shape).astype(np.float32)
    ax, aty = operator.forward(x), operator.adjoint(y)
    assert ax.shape == geometry.shape and aty.shape == grid.shape
    left, right = np.vdot(ax.astype(float), y.astype(float)), np.vdot(x.astype(float), aty.astype(float))
    assert abs(left - right) < 1e-5 * np.linalg.norm(ax) * np.linalg.norm(y)
    assert np.array_equal(operator.matvec(x.ravel()), ax.ravel())
    assert np.array_equal(operator.rmatvec(y.ravel()), aty.ravel())
    # Other types and strides, a volume, and results written in place.
    assert np.array_equal(operator.forward(np.asfortranarray(x.astype(float))), ax)
    assert np.array_equal(operator.forward(kvox.Volume(x, grid)), ax)
    out = np.zeros(geometry.shape, np.float32)
    assert operator.forward(x, out=out) is out and np.array_equal(out, ax)
    with pytest.raises(kvox.Error):
        operator.forward(x[:, :-1])
    with pytest.raises(kvox.Error):
        operator.adjoint(y[:, :, :-1])


def test_the_operator_gives_line_integrals(head):
    operator = Operator(head.geometry)
    truth = head.phantom.fill(operator.grid)
    projected = operator.forward(truth)
    # Voxels of one pitch and linear interpolation blur by about a pixel; each view has the sum of its slice.
    sums = 0.7 * truth.array.sum((1, 2), dtype=float)
    assert np.allclose(projected.sum(2, dtype=float), sums, rtol=1e-6)
    # Lines through the middles of pixels miss the exact sum where the skull's edge is steep.
    assert np.allclose(head.projections.sum(2, dtype=float), sums, rtol=1e-2)
    assert np.sqrt(np.mean((projected - head.projections) ** 2)) < 0.02 * head.projections.max()


def test_scipy_takes_the_operator(head):
    linalg = pytest.importorskip("scipy.sparse.linalg", reason="skipped: SciPy is not installed")
    geometry = Geometry.parallel((60, 33))
    operator = Operator(geometry)
    discs = kvox.phantom.Phantom("discs", radius_mm=15).fill(operator.grid)
    wrapped = linalg.aslinearoperator(operator)
    found = linalg.lsqr(wrapped, operator.forward(discs).ravel(), iter_lim=40)[0].reshape(operator.grid.shape)
    assert np.sqrt(np.mean((found - discs.array) ** 2)) < 0.05


def test_provenance_says_how(head):
    volume = kvox.ct.reconstruct(head.projections, head.geometry, filter="hann", cutoff=0.8)
    text = str(volume.provenance)
    assert volume.provenance["kvox"] == kvox.__version__ and "hann" in text and "0.8" in text
