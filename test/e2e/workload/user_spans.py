"""A driver whose tasks, actors and threads make spans of their own, with no word of tracing but the set-up hook.

Each span says in its attributes which attempt it was made in, as the workload itself knows it: the task id that Ray gives in the
method, before any thread, and attempts counted in files. Prints one line when done. Runs on Ray 2.49 to 2.60.
"""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import ray
import ray_otel_bridge
from opentelemetry import trace
from opentelemetry.propagate import extract, inject

FOLDER = os.environ["E2E_FOLDER"]
EXPORT = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}

ray.init(
    address="auto",
    namespace="user-spans",
    log_to_driver=False,
    runtime_env={"worker_process_setup_hook": "ray_otel_bridge.setup_with_sdk", "env_vars": {**EXPORT, "E2E_FOLDER": FOLDER}},
)
ray_otel_bridge.setup_with_sdk()


def tracer():
    """Looked up where it is used: Ray pickles what a function of this file refers to, and a tracer cannot be pickled."""
    return trace.get_tracer("e2e")


def where(attempt=0):
    return {"e2e.task_id": ray.get_runtime_context().get_task_id(), "e2e.attempt": attempt}


def span(name, attributes):
    with tracer().start_as_current_span(f"user: {name}", attributes=attributes):
        with tracer().start_as_current_span(f"user: inside {name}"):
            pass


def count(name):
    """How often this was called before, in all processes."""
    path = os.path.join(FOLDER, name)
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path) - 1


@ray.remote(num_cpus=0.1)
def inner(n):
    span(f"inner {n}", where())


@ray.remote(num_cpus=0.1)
def outer():
    with tracer().start_as_current_span("user: outer", attributes=where()):
        ray.get([inner.remote(n) for n in range(2)])


@ray.remote(num_cpus=0.1, max_retries=2, retry_exceptions=True)
def flaky():
    attempt = count("flaky")
    span("flaky", where(attempt))
    thread = threading.Thread(target=span, args=("thread of flaky", where(attempt)))
    thread.start()
    thread.join()
    if attempt < 2:
        raise ValueError("not yet")


@ray.remote(num_cpus=0.1)
def with_threads():
    here = where()
    thread = threading.Thread(target=span, args=("thread", here))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: span(f"pool {n}", here), range(2)))


@ray.remote(num_cpus=0.1)
def calls_a_service():
    """What another service gets from here, and makes its own spans under."""
    headers = {}
    inject(headers)
    tracer().start_span("user: other service", context=extract(headers), attributes=where()).end()


@ray.remote(num_cpus=0.1)
def numbers():
    for n in range(2):
        span(f"generated {n}", where())
        yield n


@ray.remote(num_cpus=0.1)
class Sync:
    def __init__(self):
        span("Sync created", where())
        self.pool = ThreadPoolExecutor(1)

    def work(self, n):
        span(f"Sync {n}", where())
        # The same thread in every call.
        self.pool.submit(span, f"pool of Sync {n}", where()).result()


@ray.remote(num_cpus=0.1, max_concurrency=4, max_task_retries=2)
class Async:
    def __init__(self):
        span("Async created", where())
        self.calls = {}

    async def work(self, n, nothing):
        attempt = self.calls[n] = self.calls.get(n, -1) + 1
        with tracer().start_as_current_span(f"user: Async {n}", attributes=where(attempt)):
            await asyncio.sleep(0.05)
            await asyncio.create_task(self.part(n))
        await asyncio.to_thread(span, f"to_thread of Async {n}", where(attempt))
        await asyncio.get_running_loop().run_in_executor(None, span, f"executor of Async {n}", where(attempt))
        if n % 2 and attempt < 2:
            raise ValueError("not yet")

    async def part(self, n):
        with tracer().start_as_current_span(f"user: inside part of Async {n}"):
            await asyncio.sleep(0.01)

    async def count_to(self, n):
        for i in range(n):
            span(f"Async generated {i}", where())
            yield i


@ray.remote(num_cpus=0.1, concurrency_groups={"io": 2})
class Groups:
    @ray.method(concurrency_group="io")
    def read(self, n):
        span(f"group io {n}", where())

    def compute(self):
        span("default group", where())


@ray.remote(num_cpus=0.1, max_restarts=1, max_task_retries=1)
class Phoenix:
    def __init__(self):
        self.life = count("phoenix")
        span(f"Phoenix created {self.life}", where())

    def crash_once(self):
        attempt = count("crash")
        if attempt == 0:
            time.sleep(0.5)
            os._exit(1)
        span("Phoenix after the crash", where(attempt))


@ray.remote(num_cpus=0.1)
class Registry:
    """Detached: outlives this job, and is called by another one."""

    def put(self, headers=None):
        if headers is None:
            span("Registry called by its own job", where())
            return
        with ray_otel_bridge.caller_trace(headers):
            span("Registry called by another job", where())


def main():
    with tracer().start_as_current_span("user: driver", attributes={"e2e.job_id": ray.get_runtime_context().get_job_id()}):
        ray.get(outer.remote())
    ray.get([flaky.remote(), with_threads.remote(), calls_a_service.remote()])
    for ref in numbers.options(num_returns="streaming").remote():
        ray.get(ref)
    sync = Sync.remote()
    for n in range(2):
        ray.get(sync.work.remote(n))
    actor = Async.remote()
    # An argument that is fetched, and one that is not: Ray hands them to the event loop in different ways.
    big = ray.put(b"x" * 200_000)
    ray.get([actor.work.options(retry_exceptions=True).remote(n, big if n % 4 < 2 else None) for n in range(8)])
    for ref in actor.count_to.options(num_returns="streaming").remote(2):
        ray.get(ref)
    groups = Groups.remote()
    ray.get([groups.read.remote(0), groups.read.remote(1), groups.compute.remote()])
    # Kept: an actor without a handle is killed, perhaps before it has sent its last span.
    phoenix = Phoenix.remote()
    ray.get(phoenix.crash_once.remote())
    registry = Registry.options(name="registry", lifetime="detached").remote()
    ray.get(registry.put.remote())
    time.sleep(2)
    print("user spans done")


main()
