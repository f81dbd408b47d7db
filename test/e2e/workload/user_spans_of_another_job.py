"""A second driver, sent by `ray job submit` from inside a caller's trace: calls the detached actor that the first one left."""

import os
import time

import ray
import ray_otel_bridge
from opentelemetry import trace
from opentelemetry.propagate import inject

ray.init(
    address="auto",
    namespace="user-spans",
    log_to_driver=False,
    runtime_env={
        "worker_process_setup_hook": "ray_otel_bridge.setup_with_sdk",
        "env_vars": {name: value for name, value in os.environ.items() if name.startswith("OTEL_")},
    },
)
ray_otel_bridge.setup_with_sdk()


def tracer():
    """Looked up where it is used: Ray pickles what a function of this file refers to, and a tracer cannot be pickled."""
    return trace.get_tracer("e2e")


@ray.remote(num_cpus=0.1)
def step():
    context = ray.get_runtime_context()
    with tracer().start_as_current_span("user: step", attributes={"e2e.task_id": context.get_task_id(), "e2e.attempt": 0}):
        pass
    headers = {}
    inject(headers)
    ray.get(ray.get_actor("registry").put.remote(headers))


with tracer().start_as_current_span("user: second driver", attributes={"e2e.job_id": ray.get_runtime_context().get_job_id()}):
    ray.get(step.remote())
ray.kill(ray.get_actor("registry"))
# Ray's own events of the last second die with the workers.
time.sleep(2)
print("another job done")
