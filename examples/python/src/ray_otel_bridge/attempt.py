"""The task attempt that runs here, as Ray reports it for this thread or coroutine.

Ray is looked at only where the process has imported and connected it already. Tried with Ray 2.49 and 2.60.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

#: Retried calls of async actors that are remembered in a process; the oldest gives way, and counts as a first attempt then.
RETRIED_CALLS_MAX = 10_000

# A task id has 8 bytes of its own, 12 of its actor (all ones without an actor) and 4 of its job.
_OWN = slice(0, 16)
_ACTOR = slice(16, 40)
_ACTOR_AND_JOB = slice(16, 48)
_JOB = slice(40, 48)
_NIL_TASK = "f" * 48
_NO_ACTOR = "f" * 24
_DRIVER = "f" * 40


class Attempt(NamedTuple):
    """One attempt of a task, of an actor's creation or of a call of a method; or the driver, which is a task to Ray."""

    session: str
    task_id: str
    number: int = 0

    @property
    def job_id(self) -> str:
        """The job that the id belongs to: of a call, the job of the actor."""
        return self.task_id[_JOB]

    @property
    def is_driver(self) -> bool:
        return self.task_id.startswith(_DRIVER)


_retried_calls: dict[str, int] = {}
_retried_calls_lock = threading.Lock()


def connected_worker() -> Any | None:
    """Ray's object for this process, worker or driver; None outside Ray, with Ray Client and in local mode."""
    module = sys.modules.get("ray._private.worker")
    worker = getattr(module, "global_worker", None)
    if worker is None or not worker.connected or worker.mode not in (module.WORKER_MODE, module.SCRIPT_MODE):  # type: ignore[union-attr]
        return None
    return worker


def attempt_of_ray() -> Attempt | None:
    """The attempt that Ray runs in this thread or coroutine; in a driver, the driver, in every thread.

    None outside Ray, between tasks, and in a thread that Ray did not start: Ray makes up a task id for each of those.
    """
    worker = connected_worker()
    if worker is None:
        return None
    core = worker.core_worker
    if worker.mode == sys.modules["ray._private.worker"].SCRIPT_MODE:
        return Attempt(session_name(worker), _DRIVER + core.get_current_job_id().hex())
    task_id = core.get_current_task_id().hex()
    if not _is_real(task_id, core):
        return None
    number = core.get_current_task_attempt_number()
    if _retried_calls:
        # In the thread of an async actor's event loop Ray's own answer is always 0.
        number = max(number, _retried_calls.get(task_id, 0))
    return Attempt(session_name(worker), task_id, number)


def note_async_call() -> None:
    """Called in the thread from which Ray hands a call to the event loop of an async actor.

    Only there, and only until the call waits for the first time, Ray knows the number of its attempt.
    """
    worker = connected_worker()
    if worker is None or worker.mode != sys.modules["ray._private.worker"].WORKER_MODE:
        return
    if sys.modules["ray._raylet"].async_task_id.get() is not None:
        return  # User code inside a call: nothing is handed over by Ray.
    core = worker.core_worker
    number = core.get_current_task_attempt_number()
    task_id = core.get_current_task_id().hex()
    if number <= 0 or not _is_real(task_id, core):
        return
    with _retried_calls_lock:
        _retried_calls.pop(task_id, None)
        _retried_calls[task_id] = number
        while len(_retried_calls) > RETRIED_CALLS_MAX:
            del _retried_calls[next(iter(_retried_calls))]


def session_name(worker: Any) -> str:
    """Ray's session: one start of a cluster."""
    context = sys.modules["ray.runtime_context"].get_runtime_context()
    # Ray 2.60 and later have it there.
    return str(context.get_session_name() if hasattr(context, "get_session_name") else worker.node.session_name)


def job_metadata(worker: Any) -> Mapping[str, str]:
    """The metadata of this process's job."""
    return dict(worker.core_worker.get_job_config().metadata)


def bridge_reads_metadata() -> bool:
    """Whether this Ray sends jobs and their metadata to the bridge: from 2.50 on."""
    version = str(sys.modules["ray"].__version__)
    major, minor = (int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")[:2])
    return (major, minor) >= (2, 50)


def _is_real(task_id: str, core: Any) -> bool:
    if task_id == _NIL_TASK or len(task_id) != len(_NIL_TASK):
        return False
    if task_id[_ACTOR] == _NO_ACTOR:
        return task_id[_OWN] != "f" * 16
    # What Ray makes up for other threads has a random actor.
    return bool(task_id[_ACTOR_AND_JOB] == core.get_actor_id().hex())
