"""Contexts (devices, threads, memory limit, log) and workspaces (scratch memory, progress, seconds of the stages)."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import logging
import operator
import os
import threading
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from . import _abi
from .errors import Error, Status

if TYPE_CHECKING:
    from .arrays import DeviceArray

Progress = Callable[[float], object]
"""Called with the fraction done, 0 to 1, on the calling thread; what it raises cancels the call and comes out of it."""

_logger = logging.getLogger("kvox")
_logger.addHandler(logging.NullHandler())
_LOG_LEVELS = {_abi.LOG_INFO: logging.INFO, _abi.LOG_WARNING: logging.WARNING}
_CPU_LEVELS = {
    "auto": _abi.CPU_AUTO,
    "ref": _abi.CPU_REF,
    "neon": _abi.CPU_NEON,
    "avx2": _abi.CPU_AVX2,
    "avx512": _abi.CPU_AVX512,
}
_BACKENDS = {"auto": _abi.BACKEND_AUTO, "cpu": _abi.BACKEND_CPU, "opencl": _abi.BACKEND_OPENCL}
_FFT_EFFORTS = {"estimate": _abi.FFT_ESTIMATE, "measure": _abi.FFT_MEASURE}


def choose(name: str, given: str, choices: dict[str, int]) -> int:
    """The number of a choice given by its name."""
    try:
        return choices[given]
    except (KeyError, TypeError):
        raise Error(
            Status.ERROR_ARGUMENT, f"{name} is {given!r}, must be one of {', '.join(map(repr, choices))}"
        ) from None


class Owner:
    """Holds an object of the library, and what must outlive it, until nobody holds this any more."""

    def __init__(self, made: ctypes.c_void_p, destroy: Callable[[ctypes.c_void_p], None], keep: tuple[object, ...]):
        self.keep = keep
        # At the end of the process the system takes memory back; a destroy then could meet running threads.
        self.release = weakref.finalize(self, destroy, made)
        self.release.atexit = False


class Handle:
    """An object of the library, passed to its functions as it is."""

    def _adopt(
        self,
        kind: type[ctypes.c_void_p],
        destroy: Callable[[ctypes.c_void_p], None],
        make: Callable[..., None],
        *arguments: Any,
        keep: tuple[object, ...],
    ) -> None:
        """Calls ``make(*arguments, &object)`` and owns the object that it made."""
        made = kind()
        make(*arguments, ctypes.byref(made))
        self._as_parameter_ = made
        self._owner = Owner(made, destroy, keep)

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} lives in this process and cannot be pickled")


@dataclass(frozen=True)
class Device:
    """Facts about an OpenCL device. ``Context(device=index)`` computes on it, unless it is ``unusable``."""

    index: int
    """As ``devices()`` counts; -1 where it is the host's own."""
    type: str
    """"gpu", "cpu", "accelerator" or "other"."""
    name: str
    platform: str
    version: str
    driver: str
    compute_units: int
    memory_bytes: int
    largest_buffer_bytes: int
    local_memory_bytes: int
    largest_group: int
    """Most work-items of a work-group."""
    shares_host_memory: bool
    """Whether a transfer is a copy within the same memory."""
    has_double: bool
    unusable: str
    """Why Kvox cannot compute on it; empty where it can."""

    @classmethod
    def _from(cls, info: _abi.DeviceInfo) -> Device:
        facts = {field.name: getattr(info, field.name) for field in dataclasses.fields(cls)}
        for name, value in facts.items():
            if isinstance(value, bytes):
                facts[name] = value.decode(errors="replace")
        facts["type"] = _abi.lib.kvox_device_type_name(info.type).decode()
        facts["shares_host_memory"] = bool(info.shares_host_memory)
        facts["has_double"] = bool(info.has_double)
        return cls(**facts)


def devices() -> list[Device]:
    """The OpenCL devices of this machine; empty where there is no OpenCL library, driver or device."""
    found = []
    for index in range(_abi.lib.kvox_device_count()):
        info = _abi.DeviceInfo()
        _abi.lib.kvox_device_get(index, ctypes.byref(info))
        found.append(Device._from(info))
    return found


class Context(Handle):
    """What calls share: threads, CPU level, backend, memory limit, log. Any number of threads may use one.

    threads:       most threads of a call; 0: the environment's KVOX_THREADS, else one for each core.
    cpu:           "auto", "ref", "neon", "avx2", "avx512"; auto: KVOX_CPU, else the best that the machine has.
    backend:       "auto", "cpu", "opencl"; auto: KVOX_BACKEND, else an OpenCL GPU or the device that is named, else the
                   CPU.
    device:        the OpenCL device: its number in devices(), "gpu", "cpu", "accelerator", or a part of its name; None:
                   the environment's KVOX_DEVICE, else the best.
    program_cache: a folder where built OpenCL programs are kept; None: in memory alone.
    memory_limit:  bytes that one execution may allocate beside the caller's arrays; 0: each plan's own default.
    log:           called with ("info" or "warning", sentence); None: Python's logger named "kvox".
    fft_effort:    "estimate" or "measure".
    """

    def __init__(
        self,
        threads: int = 0,
        cpu: str = "auto",
        backend: str = "auto",
        memory_limit: int = 0,
        log: Callable[[str, str], object] | None = None,
        *,
        device: str | int | None = None,
        program_cache: str | os.PathLike[str] | None = None,
        fft_effort: str = "estimate",
        forbid_fallback: bool = False,
        ignore_environment: bool = False,
    ) -> None:
        def report(_user: int | None, level: int, text: bytes) -> None:
            sentence = text.decode(errors="replace")
            if log is None:
                _logger.log(_LOG_LEVELS.get(level, logging.WARNING), "%s", sentence)
            else:
                log("info" if level == _abi.LOG_INFO else "warning", sentence)

        on_log = _abi.LogFunction(report)
        options = _abi.ContextOptions(
            threads=integer("threads", threads, 32),
            cpu_level=choose("cpu", cpu, _CPU_LEVELS),
            backend=choose("backend", backend, _BACKENDS),
            memory_limit=unsigned("memory_limit", memory_limit),
            fft_effort=choose("fft_effort", fft_effort, _FFT_EFFORTS),
            forbid_fallback=forbid_fallback,
            ignore_environment=ignore_environment,
            log=on_log,
            device=_text(None if device is None else str(device)),
            program_cache=_text(None if program_cache is None else os.fspath(program_cache)),
        )
        lib = _abi.lib
        self._adopt(_abi.Context, lib.kvox_context_destroy, lib.kvox_context_create, options, keep=(on_log,))

    @property
    def threads(self) -> int:
        """The thread limit in force."""
        return _abi.lib.kvox_context_threads(self)

    @property
    def cpu(self) -> str:
        """The CPU level in force: "ref", "neon", "avx2" or "avx512"."""
        return _abi.lib.kvox_cpu_level_name(_abi.lib.kvox_context_cpu_level(self)).decode()

    @property
    def backend(self) -> str:
        """The backend in force: "cpu" or "opencl"."""
        return ["auto", "cpu", "opencl"][_abi.lib.kvox_context_backend(self)]

    @property
    def device(self) -> Device | None:
        """The OpenCL device that it computes on; None: it computes on the CPU without OpenCL."""
        if self.backend != "opencl":
            return None
        info = _abi.DeviceInfo()
        _abi.lib.kvox_context_device(self, ctypes.byref(info))
        return Device._from(info)

    def to_device(self, array: npt.ArrayLike) -> DeviceArray:
        """A copy of a numpy array in the device's memory."""
        from .arrays import to_device

        return to_device(array, self)

    def describe(self) -> dict[str, Any]:
        """What was chosen and why: version, CPU levels, threads, backend and its reason, FFT provider."""
        return json.loads(text_of(_abi.lib.kvox_context_describe, self))

    def __repr__(self) -> str:
        return f"kvox.Context(threads={self.threads}, cpu={self.cpu!r}, backend={self.backend!r})"


_default_lock = threading.Lock()
_default: Context | None = None


def default_context() -> Context:
    """The context of every call that is given none; made when first needed."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Context()
        return _default


def _text(given: str | None) -> bytes | None:
    return None if given is None else os.fsencode(given)


def integer(name: str, value: int, bits: int = 64) -> int:
    """A whole number that fits a signed integer of so many bits; ctypes would cut it silently."""
    number = operator.index(value)
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise Error(Status.ERROR_ARGUMENT, f"{name} is {number}, which does not fit {bits} bits")
    return number


def unsigned(name: str, value: int) -> int:
    """A whole number from 0 to 2^64 - 1."""
    number = operator.index(value)
    if not 0 <= number < 1 << 64:
        raise Error(Status.ERROR_ARGUMENT, f"{name} is {number}, must be from 0 to 2^64 - 1")
    return number


def text_of(describe: Callable[..., int], *arguments: Any) -> str:
    """The whole text of a function that writes at most so many bytes and returns how many there are."""
    size = 4096
    while True:
        text = ctypes.create_string_buffer(size)
        length = describe(*arguments, text, size)
        if length < size:
            return text.value.decode()
        size = length + 1


def _reports(progress: Progress | None, raised: list[BaseException]) -> Generator[int, float, None]:
    """Takes fractions by send() and answers whether to cancel.

    A generator, not a function: Python handles Ctrl-C where a frame begins or resumes. A function's beginning lies
    outside its own ``try``, and ctypes swallows what is raised there; a generator resumes within it.
    """
    answer = 0
    while True:
        try:
            fraction = yield answer
            if progress is not None and not raised:
                progress(fraction)
        except GeneratorExit:
            return
        except BaseException as error:
            raised.append(error)
        answer = 1 if raised else 0


# A workspace's user pointer is the generator's send, which is called without a Python frame in between. Python 3.10
# has no operator.call.
if hasattr(operator, "call"):
    _call = operator.call
else:
    _call = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
        ("PyObject_CallFunctionObjArgs", ctypes.pythonapi), ((1, "function"), (1, "argument"), (1, "end", None))
    )
_report = _abi.ProgressFunction(_call)
_no_report = _abi.ProgressFunction()


class Workspace(Handle):
    """Scratch memory that executions reuse, so that the second of a plan allocates nothing. One thread at a time."""

    def __init__(self, context: Context | None = None) -> None:
        self.context = context or default_context()
        self._busy = threading.Lock()
        lib = _abi.lib
        self._adopt(
            _abi.Workspace,
            lib.kvox_workspace_destroy,
            lib.kvox_workspace_create,
            self.context,
            keep=(self.context,),
        )

    @property
    def bytes(self) -> int:
        """Bytes of scratch it holds now."""
        return _abi.lib.kvox_workspace_bytes(self)

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of each stage of the last execution, in order."""
        count = _abi.lib.kvox_workspace_stage_count(self)
        names = (_abi.lib.kvox_workspace_stage_name(self, i).decode() for i in range(count))
        return {name: _abi.lib.kvox_workspace_stage_seconds(self, i) for i, name in enumerate(names)}

    def run(self, progress: Progress | None, execute: Callable[[Workspace], None]) -> None:
        """Calls ``execute(self)`` with a progress function that also lets Ctrl-C through."""
        if not self._busy.acquire(blocking=False):
            raise Error(Status.ERROR_ARGUMENT, "the workspace is in use by another call; give each thread its own")
        try:
            if progress is None and threading.current_thread() is not threading.main_thread():
                execute(self)  # signals reach the main thread alone
                return
            raised: list[BaseException] = []
            reports = _reports(progress, raised)
            next(reports)
            send = reports.send
            _abi.lib.kvox_workspace_set_progress(self, _report, id(send))
            try:
                execute(self)
            except Error:
                if not raised:
                    raise
            finally:
                _abi.lib.kvox_workspace_set_progress(self, _no_report, None)
                reports.close()
            if raised:
                raise raised.pop()
        finally:
            self._busy.release()
