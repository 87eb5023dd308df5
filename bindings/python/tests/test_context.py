"""Contexts, errors, workspaces, progress, cancelling and Ctrl-C."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import kvox


def test_options_are_in_force():
    context = kvox.Context(threads=3, cpu="ref", backend="cpu", memory_limit=1 << 20)
    assert (context.threads, context.cpu, context.backend) == (3, "ref", "cpu")
    said = context.describe()
    assert said["threads"] == 3 and said["cpu_level"] == "ref" and said["memory_limit"] == 1 << 20
    assert said["kvox"] == kvox.__version__
    assert "threads=3" in repr(context)


@pytest.mark.parametrize(
    "options, status, words",
    [
        ({"threads": -1}, kvox.Status.ERROR_ARGUMENT, "threads is -1"),
        ({"threads": 1 << 40}, kvox.Status.ERROR_ARGUMENT, "32 bits"),
        ({"cpu": "mmx"}, kvox.Status.ERROR_ARGUMENT, "'mmx', must be one of 'auto', 'ref'"),
        ({"backend": "opencl", "device": "no such name"}, kvox.Status.ERROR_DEVICE, "OpenCL"),
        ({"device": 10**6, "backend": "opencl"}, kvox.Status.ERROR_DEVICE, "OpenCL"),
        ({"memory_limit": -1}, kvox.Status.ERROR_ARGUMENT, "memory_limit is -1"),
    ],
)
def test_wrong_options_are_refused(options, status, words):
    with pytest.raises(kvox.Error, match=words) as caught:
        kvox.Context(**options)
    assert caught.value.status == status


def test_devices_are_listed_and_taken_by_number_and_name():
    found = kvox.devices()
    assert [device.index for device in found] == list(range(len(found)))
    for device in found:
        assert device.type in ("gpu", "cpu", "accelerator", "other") and device.name and device.platform
        assert device.memory_bytes >= device.largest_buffer_bytes > 0
        if not device.unusable:
            context = kvox.Context(device=device.index)
            assert context.backend == "opencl" and context.device == device
            assert context.describe()["device"] == device.name
    if not found:
        pytest.skip("skipped: no OpenCL device")


def test_auto_without_the_device_takes_the_cpu_and_says_so():
    said = []
    context = kvox.Context(device="no such name", log=lambda level, text: said.append((level, text)))
    assert context.backend == "cpu" and context.device is None
    assert len(said) == 1 and said[0][0] == "warning" and context.describe()["backend_reason"] in said[0][1]


def test_an_error_is_a_status_and_a_sentence():
    error = kvox.Error(7, "the file is truncated")
    assert error.status is kvox.Status.ERROR_FORMAT and str(error) == "the file is truncated"
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, str(again)) == (error.status, str(error))
    assert kvox.Error(99, "").status == 99


def test_the_default_context_is_made_once_and_lazily():
    script = "import kvox, kvox.context as c; assert c._default is None; assert kvox.default_context() is c._default"
    subprocess.run([sys.executable, "-c", script], check=True)
    made = []
    threads = [threading.Thread(target=lambda: made.append(kvox.default_context())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, made))) == 1


def test_a_bad_environment_fails_when_used_not_when_imported():
    script = "import kvox\ntry: kvox.default_context()\nexcept kvox.Error as error: print(error)"
    environment = {**os.environ, "KVOX_THREADS": "many"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.startswith('KVOX_THREADS is "many"') and done.stderr == ""


def test_objects_outlive_their_context(head):
    context = kvox.Context(threads=1)
    plan = kvox.ct.FBP(head.geometry, context=context)
    del context
    assert plan(head.projections).unit == "1/mm"


def test_handles_are_not_pickled():
    with pytest.raises(TypeError, match="Context"):
        pickle.dumps(kvox.default_context())


def test_progress_rises_to_one_on_the_calling_thread(head):
    seen, threads = [], set()

    def progress(fraction):
        seen.append(fraction)
        threads.add(threading.get_ident())
        return True  # what it returns does not matter

    kvox.ct.reconstruct(head.projections, head.geometry, progress=progress)
    assert seen == sorted(seen) and len(seen) >= 3 and seen[-1] == 1 and all(0 <= f <= 1 for f in seen)
    assert threads == {threading.get_ident()}


def test_what_progress_raises_cancels_and_comes_out(head):
    plan = kvox.ct.FBP(head.geometry)
    workspace = kvox.Workspace()
    expected = plan(head.projections).array.copy()

    class Enough(Exception):
        pass

    mine = Enough("half is enough")
    calls = []

    def progress(fraction):
        calls.append(fraction)
        if fraction > 0.3:
            raise mine

    with pytest.raises(Enough) as caught:
        plan(head.projections, workspace=workspace, progress=progress)
    assert caught.value is mine and calls[-1] < 1
    # The plan and the workspace are as good as before.
    assert np.array_equal(plan(head.projections, workspace=workspace).array, expected)


def test_progress_may_call_the_library(head):
    means = []
    kvox.ct.reconstruct(
        head.projections, head.geometry, progress=lambda _: means.append(kvox.quality.statistics(head.projections)[0])
    )
    assert len(set(means)) == 1


def test_progress_in_other_threads(head):
    raised = []

    def stop(fraction):
        raise ZeroDivisionError

    def work():
        try:
            kvox.ct.reconstruct(head.projections, head.geometry, progress=stop)
        except ZeroDivisionError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(raised) == 1


def test_ctrl_c_stops_a_long_call_without_a_progress_function():
    # About 20 s of work on the oracle with one thread; the signal comes after half a second.
    context = kvox.Context(threads=1, cpu="ref")
    geometry = kvox.ct.Geometry.parallel((720, 8, 512), context=context)
    projections = np.zeros(geometry.shape, np.float32)
    plan = kvox.ct.FBP(geometry)
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    # A shell starts background jobs with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begin = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            plan(projections)
            time.sleep(1)
            pytest.fail("the work took less than the timer; make it longer")
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 5


def test_a_workspace_serves_one_call_at_a_time(head):
    plan = kvox.ct.FBP(head.geometry)
    workspace = kvox.Workspace()

    def again(_):
        plan(head.projections, workspace=workspace)

    with pytest.raises(kvox.Error, match="in use by another call"):
        plan(head.projections, workspace=workspace, progress=again)


def test_a_workspace_tells_its_bytes_and_stages(head):
    plan = kvox.ct.FBP(head.geometry)
    workspace = kvox.Workspace()
    assert workspace.bytes == 0 and workspace.stages == {}
    plan(head.projections, workspace=workspace)
    grown = workspace.bytes
    assert 0 < grown <= plan.memory.workspace
    assert len(workspace.stages) >= 2 and all(seconds >= 0 for seconds in workspace.stages.values())
    plan(head.projections, workspace=workspace)
    assert workspace.bytes == grown


def test_the_log_goes_where_it_is_asked_to(caplog):
    lines = []
    kvox.Context(log=lambda level, text: lines.append((level, text)))
    with caplog.at_level(logging.INFO, "kvox"):
        kvox.Context()
    # Nothing need be said; what is said is one sentence of a known level.
    assert all(level in ("info", "warning") and text for level, text in lines)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # that is what is tested
def test_a_forked_process_can_reconstruct(head):
    expected = kvox.ct.reconstruct(head.projections, head.geometry).array
    child = os.fork()
    if child == 0:  # no pytest beyond this point
        same = False
        try:
            same = np.array_equal(kvox.ct.reconstruct(head.projections, head.geometry).array, expected)
        finally:
            os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
