"""numpy arrays as the library sees them: types, strides, what is copied and what is refused."""

import hashlib

import numpy as np
import pytest

import kvox
from kvox import arrays

REAL = ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"]
random = np.random.default_rng(1)
CUBE = random.integers(0, 100, (6, 7, 8))
VIEWS = {
    "dense": lambda a: a,
    "fortran": np.asfortranarray,
    "transposed": lambda a: a.transpose(2, 0, 1),
    "reversed": lambda a: a[::-1, :, ::-1],
    "strided": lambda a: a[1::2, ::3, ::2],
    "broadcast": lambda a: np.broadcast_to(a[:1, :, :1], (4, 7, 5)),
    "one element": lambda a: a[2:3, 3:4, 4:5],
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", VIEWS)
def test_every_type_and_stride_is_read_in_place(dtype, name):
    image = VIEWS[name](CUBE.astype(dtype))
    assert arrays.as_array(image) is image
    described = arrays.describe(image)
    assert described.data == image.ctypes.data
    assert tuple(described.shape[:3]) == image.shape and tuple(described.strides[:3]) == image.strides
    # Through the library: whole numbers below 100 have exact sums.
    mean, deviation = kvox.quality.statistics(image)
    assert mean == pytest.approx(np.mean(image, dtype=float), rel=1e-12)
    assert deviation == pytest.approx(np.std(image, dtype=float), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "given, dtype", [(CUBE, "f8"), (CUBE % 2 == 0, "u1"), (CUBE.astype(">f4"), "f4"), ([[1, 2]], "f8")]
)
def test_other_types_are_read_as_the_nearest(given, dtype):
    assert arrays.as_array(given).dtype == np.dtype(dtype)
    assert kvox.quality.statistics(given)[0] == pytest.approx(np.mean(given, dtype=float), rel=1e-12)


def test_a_read_only_array_is_input_but_no_output():
    image = CUBE.astype("f4")
    image.flags.writeable = False
    assert kvox.quality.rmse(image, image) == 0
    with pytest.raises(kvox.Error, match="out is read-only"):
        arrays.describe_output(image, "out")


def test_what_has_no_counterpart_is_refused():
    with pytest.raises(kvox.Error, match="complex128"):
        kvox.quality.statistics(np.ones(3, complex))
    with pytest.raises(kvox.Error, match="rank 9"):
        kvox.quality.statistics(np.ones((1,) * 9))
    with pytest.raises(kvox.Error):
        kvox.quality.statistics(["a", "b"])
    with pytest.raises(kvox.Error, match="byte order"):
        arrays.describe_output(np.zeros(3, ">f4"), "out")
    with pytest.raises(TypeError):
        arrays.describe_output([0.0], "out")


@pytest.mark.parametrize("image", [np.float32(1), np.zeros((3, 0, 2), "f4")])
def test_what_the_library_refuses_comes_with_its_sentence(image):
    with pytest.raises(kvox.Error) as caught:
        kvox.quality.statistics(image)
    assert caught.value.status == kvox.Status.ERROR_ARGUMENT
    assert len(str(caught.value)) > 10


def test_a_view_of_the_library_s_memory_keeps_it(tmp_path):
    kvox.io.write_array(tmp_path / "a.npy", CUBE.astype("i2"))
    view = kvox.io.read_array(tmp_path / "a.npy")[::2, 1:]
    noise = [kvox.io.read_array(tmp_path / "a.npy") for _ in range(5)]
    assert np.array_equal(view, CUBE[::2, 1:]) and all(np.array_equal(a, CUBE) for a in noise)
    view[0, 0, 0] = 7
    assert view[0, 0, 0] == 7


def test_a_hash_is_of_what_an_array_holds():
    counts = np.arange(12, dtype=np.uint16).reshape(3, 4)
    text = hashlib.sha256(b"u16 3 4\n" + counts.tobytes()).hexdigest()
    assert kvox.sha256(counts) == text
    assert kvox.sha256(np.asfortranarray(counts)) == text
    assert kvox.sha256(counts.T) != text


def test_floats_at_odd_addresses_are_copied():
    memory = np.zeros(4 * 6 * 8 + 1, np.uint8)
    odd = memory[1:].view(np.float32).reshape(6, 8)
    odd[:] = np.arange(48).reshape(6, 8)
    rows = arrays.as_rows(odd, 3)
    assert rows.flags.aligned and rows.shape == (6, 1, 8) and (rows[:, 0] == odd).all()
