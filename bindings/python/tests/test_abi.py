"""_abi.py against the headers: every prototype, struct, constant and function type, by parsing and by compiling."""

import ctypes
import re
import shutil
import subprocess

import pytest

from kvox import _abi, errors

SIMPLE = {
    "void": None,
    "int32_t": ctypes.c_int32,
    "kvox_type": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint8_t": ctypes.c_uint8,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "char": ctypes.c_char,
    "kvox_status": ctypes.c_int32,
}
STRUCTS = {
    "kvox_array": _abi.Array,
    "kvox_grid": _abi.Grid,
    "kvox_memory_use": _abi.MemoryUse,
    "kvox_ct_view": _abi.CtView,
    "kvox_context_options": _abi.ContextOptions,
    "kvox_device_info": _abi.DeviceInfo,
    "kvox_ct_parallel_options": _abi.CtParallelOptions,
    "kvox_ct_cone_options": _abi.CtConeOptions,
    "kvox_ct_consistency": _abi.CtConsistency,
    "kvox_ct_correction_options": _abi.CtCorrectionOptions,
    "kvox_ct_filter_options": _abi.CtFilterOptions,
    "kvox_ct_fbp_options": _abi.CtFbpOptions,
    "kvox_ct_operator_options": _abi.CtOperatorOptions,
    "kvox_mri_readout": _abi.MriReadout,
    "kvox_mri_limits": _abi.MriLimits,
    "kvox_mri_ramps": _abi.MriRamps,
    "kvox_mri_protocol": _abi.MriProtocol,
    "kvox_mri_walsh_options": _abi.MriWalshOptions,
    "kvox_mri_fourier_options": _abi.MriFourierOptions,
    "kvox_mri_ghost": _abi.MriGhost,
    "kvox_mri_partial_options": _abi.MriPartialOptions,
    "kvox_mri_unwrap_options": _abi.MriUnwrapOptions,
    "kvox_mri_t2star_options": _abi.MriT2starOptions,
    "kvox_mri_replica_options": _abi.MriReplicaOptions,
    "kvox_mri_recon_options": _abi.MriReconOptions,
    "kvox_io_write_options": _abi.IoWriteOptions,
    "kvox_io_detector": _abi.IoDetector,
}
OBJECTS = {
    "kvox_context": _abi.Context,
    "kvox_workspace": _abi.Workspace,
    "kvox_volume": _abi.Volume,
    "kvox_buffer": _abi.Buffer,
    "kvox_phantom": _abi.Phantom,
    "kvox_phantom_coils": _abi.PhantomCoils,
    "kvox_ct_geometry": _abi.CtGeometry,
    "kvox_ct_correction": _abi.CtCorrection,
    "kvox_ct_filter_plan": _abi.CtFilterPlan,
    "kvox_ct_fbp_plan": _abi.CtFbpPlan,
    "kvox_ct_stream": _abi.CtStream,
    "kvox_ct_operator": _abi.CtOperator,
    "kvox_io_array": _abi.IoArray,
    "kvox_io_scan": _abi.IoScan,
    "kvox_io_mri": _abi.IoMri,
    "kvox_mri_noise_sum": _abi.MriNoiseSum,
    "kvox_mri_noise": _abi.MriNoise,
    "kvox_mri_fourier": _abi.MriFourier,
    "kvox_mri_ramp": _abi.MriRamp,
    "kvox_mri_partial": _abi.MriPartial,
    "kvox_mri_operator": _abi.MriOperator,
    "kvox_mri_recon": _abi.MriRecon,
    "kvox_mri_compression": _abi.MriCompression,
}
FUNCTIONS = {
    "kvox_allocate_function": _abi.AllocateFunction,
    "kvox_release_function": _abi.ReleaseFunction,
    "kvox_log_function": _abi.LogFunction,
    "kvox_task": _abi.Task,
    "kvox_parallel_function": _abi.ParallelFunction,
    "kvox_progress_function": _abi.ProgressFunction,
    "kvox_mri_reconstruct_function": _abi.MriReconstructFunction,
}


def read(root, names):
    text = "\n".join((root / "include" / "kvox" / name).read_text() for name in names)
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"#define KVOX_API\b.*", " ", text)


@pytest.fixture(scope="module")
def headers(root):
    """The declarations of libkvox and of libkvox-io; extend.h serves companion libraries in C and is not bound."""
    names = {path.name for path in (root / "include" / "kvox").glob("*.h")} - {"extend.h"}
    formats = {name for name in names if name == "io.h" or name.startswith("io_")}
    return {"kvox": read(root, sorted(names - formats)), "kvox-io": read(root, sorted(formats))}


def ctypes_of(declaration, result=False):
    """The ctypes type of a C parameter, member or result: "const double *angles_deg" or "double weights[3]"."""
    if result and declaration.strip() == "kvox_status":
        return _abi.Status
    match = re.fullmatch(r"(?:const )?(\w+) ?(\**) ?(?:const )?(\w*)((?:\[\w+\])*)", declaration.strip())
    assert match, declaration
    name, stars, _, bounds = match.groups()
    depth = len(stars) + (1 if bounds else 0)
    if depth == 0:
        return {**SIMPLE, **FUNCTIONS, **STRUCTS}[name]
    if name in OBJECTS:
        return OBJECTS[name] if depth == 1 else ctypes.POINTER(OBJECTS[name])
    assert depth == 1, declaration
    if name == "char":
        return ctypes.c_char_p
    if name == "void":
        return ctypes.c_void_p
    return ctypes.POINTER(STRUCTS[name] if name in STRUCTS else SIMPLE[name])


def parameters(text):
    return [] if text.strip() == "void" else [" ".join(part.split()) for part in text.split(",")]


@pytest.mark.parametrize("library", ["kvox", "kvox-io"])
def test_every_prototype_is_the_header_s(headers, library):
    bound = {"kvox": _abi.KVOX, "kvox-io": _abi.KVOX_IO}[library]
    declared = re.findall(r"KVOX_API\s+([^;()]*?)(kvox_\w+)\(([^;]*?)\)\s*;", headers[library])
    assert len(declared) == len(re.findall(r"\bKVOX_API\b", headers[library]))
    assert {name for _, name, _ in declared} == set(bound)
    for result, name, arguments in declared:
        expected = (ctypes_of(result, True), *map(ctypes_of, parameters(arguments)))
        assert bound[name] == expected, name


def test_the_function_types_are_the_headers_s(headers):
    declared = re.findall(r"typedef (\w+ \**)\(\*(kvox_\w+)\)\(([^;]*?)\);", headers["kvox"])
    assert {name for _, name, _ in declared} == set(FUNCTIONS)
    for result, name, arguments in declared:
        kind = FUNCTIONS[name]
        expected = [ctypes_of(argument) for argument in parameters(arguments)]
        if name == "kvox_progress_function":
            assert expected[0] is ctypes.c_void_p
            expected[0] = ctypes.py_object  # a pointer that carries a Python callable
        assert list(kind._argtypes_) == expected, name
        assert kind._restype_ == ctypes_of(result), name


def structs(text):
    """name -> [member, ...] of every struct with a body."""
    found = re.findall(r"typedef struct (kvox_\w+) \{(.*?)\} \1;", text, flags=re.S)
    return {name: re.findall(r"(\w+)(?:\[\w+\])*\s*[,;]", body) for name, body in found}


def enums(text):
    return re.findall(r"\b(KVOX_\w+)\s*=", " ".join(re.findall(r"\benum\s*\{(.*?)\}", text, flags=re.S)))


def numbers_of_c(tmp_path, root, lines):
    """What a C program made of printf statements prints: {name: number}."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("skipped: no C compiler here")
    source = tmp_path / "numbers.c"
    body = "\n".join(f'  printf("{name} %lld\\n", (long long)({value}));' for name, value in lines)
    headers = "".join(f"#include <{name}>\n" for name in ("stdio.h", "kvox/kvox.h", "kvox/io.h", "kvox/io_mri.h"))
    source.write_text(f"{headers}int main(void) {{\n{body}\n}}\n")
    program = tmp_path / "numbers"
    subprocess.run([compiler, "-std=c99", "-I", root / "include", source, "-o", program], check=True)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: int(number) for name, number in (line.split() for line in printed.splitlines())}


def test_every_struct_has_the_compiler_s_layout(headers, tmp_path, root):
    declared = structs(headers["kvox"] + headers["kvox-io"])
    assert set(declared) == set(STRUCTS)
    for name, members in declared.items():
        assert [field[0] for field in STRUCTS[name]._fields_] == members, name
    lines = [(f"{name}.", f"sizeof({name})") for name in declared]
    for name, members in declared.items():
        for member in members:
            lines.append((f"{name}.{member}.at", f"offsetof({name}, {member})"))
            lines.append((f"{name}.{member}.size", f"sizeof((({name} *)0)->{member})"))
    for key, number in numbers_of_c(tmp_path, root, lines).items():
        name, member, *what = key.split(".")
        if not member:
            assert ctypes.sizeof(STRUCTS[name]) == number, name
            continue
        field = getattr(STRUCTS[name], member)
        assert (field.offset if what == ["at"] else field.size) == number, key


def test_members_have_the_header_s_types(headers):
    text = headers["kvox"] + headers["kvox-io"]
    for name, body in re.findall(r"typedef struct (kvox_\w+) \{(.*?)\} \1;", text, flags=re.S):
        types = dict(field[:2] for field in STRUCTS[name]._fields_)
        for kind, stars, members in re.findall(r"(?:const )?(\w+) (\**)([^;]+);", body):
            for member in members.split(","):
                spelled, bounds = re.fullmatch(r"\s*(\w+)((?:\[\w+\])*)\s*", member).groups()
                expected = ctypes_of(f"{kind} {stars}{spelled}")
                for bound in reversed(re.findall(r"\[(\w+)\]", bounds)):
                    number = getattr(_abi, bound.removeprefix("KVOX_")) if bound.startswith("KVOX_") else int(bound)
                    expected = expected * number
                assert types[spelled] == expected, (name, spelled)


def test_every_constant_is_the_header_s(headers, tmp_path, root):
    names = enums(headers["kvox"] + headers["kvox-io"])
    assert len(names) > 40
    numbers = numbers_of_c(tmp_path, root, [(name, name) for name in names] + [("KVOX_MAX_RANK", "KVOX_MAX_RANK")])
    for name, number in numbers.items():
        short = name.removeprefix("KVOX_")
        holder = errors.Status if short == "OK" or short.startswith("ERROR_") else _abi
        assert getattr(holder, short) == number, name
    statuses = {name for name in numbers if name == "KVOX_OK" or name.startswith("KVOX_ERROR_")}
    assert statuses == {f"KVOX_{status.name}" for status in errors.Status}


def test_the_version_is_the_library_s(headers):
    parts = [re.search(rf"KVOX_VERSION_{part} (\d+)", headers["kvox"]).group(1) for part in ("MAJOR", "MINOR", "PATCH")]
    assert _abi.lib.kvox_version().decode() == _abi.VERSION == ".".join(parts)


def test_one_kind_of_object_is_refused_in_another_s_place():
    import kvox

    context = kvox.Context()
    with pytest.raises(ctypes.ArgumentError):
        _abi.lib.kvox_ct_geometry_center_px(context)
    with pytest.raises(ctypes.ArgumentError):
        kvox.ct.simulate(context, kvox.ct.Geometry.parallel((4, 8)))
