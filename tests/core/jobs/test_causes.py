"""What the last lines of real programs tell about their end, and when an end is worth another try."""

from __future__ import annotations

import pytest
from trainyard.jobs.causes import SHARED_MEMORY, error_class, told_by
from trainyard.jobs.restarts import retry_after
from trainyard.jobs.states import Cause, ErrorClass
from trainyard.records.jobs import RestartPolicy

GPU, HOST, DISK = Cause.GPU_OUT_OF_MEMORY, Cause.OUT_OF_MEMORY, Cause.DISK_FULL
SAID = {
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 139.72 GiB": GPU,
    "RuntimeError: CUDA error: out of memory": GPU,
    "mxnet.base.MXNetError: [08:00:01] src/storage/./pooled_storage_manager.h:161: cudaMalloc retry failed: out of memory": GPU,
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with shape[8,512] and type "
    "float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc": GPU,
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with shape[8,512] and type "
    "float on /job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu": HOST,
    "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED": GPU,
    "MemoryError": HOST,
    "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000000,)": HOST,
    "terminate called after throwing an instance of 'std::bad_alloc'": HOST,
    "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory": HOST,
    "OSError: [Errno 28] No space left on device: '/workspace/run/x'": DISK,
    "OSError: [Errno 122] Disk quota exceeded": DISK,
}
SHM = "RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that workers are out "
SHM_TOLD = "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm)."


@pytest.mark.parametrize("line", SAID, ids=range(len(SAID)))
def test_the_cause_is_read_from_what_the_program_said_last(line: str) -> None:
    told = told_by(["Traceback (most recent call last):", '  File "train.py", line 3, in <module>', line])
    assert told is not None
    assert told.cause is SAID[line]


def test_full_shared_memory_is_told_apart_also_below_its_messenger() -> None:
    told = told_by([SHM_TOLD, "Traceback (most recent call last):", SHM])
    assert told is not None
    assert (told.cause, told.detail) == (HOST, SHARED_MEMORY)


def test_an_error_that_was_overcome_is_not_the_cause() -> None:
    lines = ["RuntimeError: CUDA out of memory", "halving the batch size", "epoch 3", "KeyError: 'lr'"]
    assert told_by(lines) is None


def test_lines_that_name_no_cause_tell_nothing() -> None:
    assert told_by([]) is None
    assert told_by(["epoch 1", "epoch 2"]) is None


@pytest.mark.parametrize(
    ("cause", "code", "line", "expected"),
    [
        (Cause.SUPERVISOR_LOST, None, "", ErrorClass.TRANSIENT),
        (Cause.EVICTED, None, "", ErrorClass.TRANSIENT),
        (Cause.GPU_OUT_OF_MEMORY, 1, "", ErrorClass.PERMANENT),
        (Cause.EXITED, 127, "", ErrorClass.PERMANENT),
        (Cause.EXITED, 75, "", ErrorClass.TRANSIENT),
        (Cause.EXITED, 1, "ConnectionResetError: [Errno 104] Connection reset by peer", ErrorClass.TRANSIENT),
        (Cause.EXITED, 1, "ModuleNotFoundError: No module named 'mxnett'", ErrorClass.PERMANENT),
        (Cause.EXITED, 1, "RuntimeError: something else", ErrorClass.UNKNOWN),
        (Cause.SIGNALLED, None, "", ErrorClass.UNKNOWN),
    ],
)
def test_failures_are_classed_by_whether_trying_again_may_help(
    cause: Cause, code: int | None, line: str, expected: ErrorClass
) -> None:
    assert error_class(cause, code, [line]) is expected


def test_a_policy_tries_again_later_each_time_and_not_for_ever() -> None:
    policy = RestartPolicy(max_retries=3, backoff=10)
    times = [retry_after(policy, number, Cause.EXITED, ErrorClass.TRANSIENT) for number in range(4)]
    assert times == [10, 20, 40, None]
    assert retry_after(policy, 0, Cause.EXITED, ErrorClass.UNKNOWN) is None
    assert retry_after(policy, 0, Cause.STOPPED, None) is None
    assert retry_after(RestartPolicy(max_retries=99, backoff=3600), 50, Cause.EXITED, ErrorClass.TRANSIENT) == 3600


def test_the_time_limit_is_followed_by_another_run_only_where_that_is_wished() -> None:
    assert retry_after(RestartPolicy(max_retries=1), 0, Cause.TIME_LIMIT, None) is None
    assert retry_after(RestartPolicy(max_retries=1, after_time_limit=True), 0, Cause.TIME_LIMIT, None) == 0
