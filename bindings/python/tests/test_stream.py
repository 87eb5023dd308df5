"""Views pushed as they arrive."""

import threading

import numpy as np
import pytest

import kvox
from kvox.ct import FBP, Correction, Geometry, Stream

SHAPE = (61, 12, 40)


@pytest.fixture(scope="module")
def geometry():
    return Geometry.cone(SHAPE, source_to_axis_mm=300, source_to_detector_mm=450, column_pitch_mm=1.5)


@pytest.fixture(scope="module")
def counts():
    return np.random.default_rng(2).integers(200, 50000, SHAPE, dtype=np.uint16)


@pytest.fixture(scope="module")
def correction():
    return Correction(np.full(SHAPE[1:], 60000, np.uint16))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64, np.float32])
def test_bits_are_those_of_one_call(geometry, counts, correction, dtype):
    expected = FBP(geometry, correction=correction, hu=0.02)(counts)
    plan = FBP(geometry, correction=correction, hu=0.02, stream_window=4)
    order = np.arange(SHAPE[0])
    order[:60] = order[:60].reshape(-1, 4)[:, [2, 0, 3, 1]].reshape(-1)
    fractions = []
    with Stream(plan, progress=fractions.append) as stream:
        assert stream.seconds == 0
        for view in order:
            stream.push(view, counts[view].astype(dtype))
        assert stream.next == SHAPE[0]
        volume = stream.finish()
        assert stream.seconds > 0 and set(stream.stages) == {"take", "filter", "backproject"}
    assert np.array_equal(volume.array, expected.array) and volume.unit == "HU"
    assert volume.grid == expected.grid and volume.provenance == expected.provenance
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_refusals_leave_it_as_it_was(geometry, counts, correction):
    plan = FBP(geometry, correction=correction, stream_window=2)
    out = np.empty(plan.grid.shape, np.float32)
    workspace = kvox.Workspace()
    stream = Stream(plan, out=out, workspace=workspace)
    stream.push(0, counts[:10])
    with pytest.raises(kvox.Error, match="view 12 is too far ahead of view 10"):
        stream.push(12, counts[12])
    with pytest.raises(kvox.Error, match="view 9 was pushed before"):
        stream.push(9, counts[9])
    with pytest.raises(kvox.Error, match="view 10 is missing"):
        stream.finish()
    with pytest.raises(kvox.Error, match="the workspace belongs to a stream"):
        plan(counts, workspace=workspace)
    with pytest.raises(kvox.Error, match="shape"):
        stream.push(10, counts[10, 1:])
    with pytest.raises(kvox.Error, match="64 bits"):
        stream.push(1 << 64, counts[10])
    bad = counts[10].astype(np.float32)
    bad[3, 4] = np.nan
    with pytest.raises(kvox.Error, match="view 10, row 3, column 4"):
        stream.push(10, bad)
    stream.push(10, counts[10:])
    assert stream.finish().array is out or np.shares_memory(stream.volume.array, out)
    assert np.array_equal(out, plan(counts, workspace=workspace).array)
    stream.close()
    stream.close()
    with pytest.raises(kvox.Error, match="closed"):
        stream.push(0, counts[0])
    with pytest.raises(kvox.Error, match="stream_window"):
        Stream(FBP(geometry))


def test_what_progress_raises_ends_it(geometry, counts, correction):
    def stop(fraction):
        raise ValueError(fraction)

    stream = Stream(FBP(geometry, correction=correction, stream_window=1), progress=stop)
    with pytest.raises(ValueError):
        stream.push(0, counts)
    with pytest.raises(kvox.Error, match="begin another"):
        stream.push(0, counts)


def test_a_second_thread_is_refused(geometry, counts, correction):
    inside, go_on = threading.Event(), threading.Event()

    def wait(_):
        inside.set()
        go_on.wait(10)

    with Stream(FBP(geometry, correction=correction, stream_window=1), progress=wait) as stream:
        pushing = threading.Thread(target=stream.push, args=(0, counts))
        pushing.start()
        assert inside.wait(10)
        for call in (lambda: stream.push(0, counts), stream.finish, stream.close):
            with pytest.raises(kvox.Error, match="in use by another call"):
                call()
        go_on.set()
        pushing.join()
        stream.finish()
