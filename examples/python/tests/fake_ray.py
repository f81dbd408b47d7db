"""A stand-in for Ray: what the package asks of it, with the answers that real workers of 2.49 and 2.60 gave."""

from __future__ import annotations

import contextvars
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from typing_extensions import Self

SESSION = "session_2026-11-23_21-48-45_562596_3484"
JOB = "01000000"
TASK = "16310a0f0a45af5cffffffffffffffffffffffff01000000"
OTHER_TASK = "c2668a65bda616c1ffffffffffffffffffffffff01000000"
ACTOR = "a1b2c3d4e5f60718293a4b5c01000000"
CALL = "85748392bcd969cc" + ACTOR
NIL_TASK = "f" * 48
NIL_ACTOR = "f" * 32


class Id:
    def __init__(self, text: str) -> None:
        self._text = text

    def hex(self) -> str:
        return self._text


class Core:
    """As the core worker, each thread has a task of its own, and one that Ray did not start a made up one."""

    def __init__(self) -> None:
        self.actor_id = NIL_ACTOR
        self.job_id = JOB
        self.metadata: dict[str, str] = {}
        self.async_task_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("async_task_id", default=None)
        self.error: Exception | None = None
        self._thread = threading.local()

    def run(self, task_id: str, attempt: int = 0) -> None:
        """This thread runs that attempt now."""
        self._thread.task = (task_id, attempt)

    def _here(self) -> tuple[str, int]:
        made_up = f"{threading.get_ident():016x}"[-16:] + "5783050a8f92cffa6e4aa47f" + self.job_id
        return getattr(self._thread, "task", (made_up, 0))

    def get_current_task_id(self) -> Id:
        if self.error is not None:
            raise self.error
        return Id(self.async_task_id.get() or self._here()[0])

    def get_current_task_attempt_number(self) -> int:
        return self._here()[1]

    def get_current_job_id(self) -> Id:
        return Id(self.job_id)

    def get_actor_id(self) -> Id:
        return Id(self.actor_id)

    def get_job_config(self) -> SimpleNamespace:
        return SimpleNamespace(metadata=self.metadata)


class FakeRay:
    """Use as a context manager: Ray is imported and connected inside it."""

    def __init__(self, version: str = "2.60.0", driver: bool = False) -> None:
        self.core = Core()
        self.worker = SimpleNamespace(
            connected=True,
            mode=0 if driver else 1,
            core_worker=self.core,
            node=SimpleNamespace(session_name=SESSION),
            worker_id=Id("0f" * 28),
        )
        context = SimpleNamespace(get_node_id=lambda: "8c" * 28)
        if not version.startswith("2.49"):
            context.get_session_name = lambda: SESSION
        modules = {
            "ray": _module("ray", __version__=version),
            "ray._private.worker": _module("ray._private.worker", global_worker=self.worker, SCRIPT_MODE=0, WORKER_MODE=1, LOCAL_MODE=2),
            "ray._raylet": _module("ray._raylet", async_task_id=self.core.async_task_id),
            "ray.runtime_context": _module("ray.runtime_context", get_runtime_context=lambda: context),
        }
        self._patch = mock.patch.dict(sys.modules, modules)

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()


def _module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(members)
    return module


def in_thread(function, *args):
    """What the function returns in a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*args)))
    thread.start()
    thread.join()
    return results[0]
