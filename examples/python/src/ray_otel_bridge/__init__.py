"""User spans under the spans that ray-otel-bridge makes of Ray tasks.

    ray.init(runtime_env={"worker_process_setup_hook": "ray_otel_bridge.setup"})

and every span that user code starts in a task, a method of an actor or a thread of either, and that has no other parent, is a
child of the bridge's span of the running attempt. ``current_task_context`` gives the same context where it is wanted explicitly.
"""

from .context import caller_trace, current_task_context, current_task_span_context
from .ids import job_span_id, job_trace_id, span_id, task_span_id, trace_id
from .worker import setup, setup_with_sdk

__all__ = [
    "caller_trace",
    "current_task_context",
    "current_task_span_context",
    "job_span_id",
    "job_trace_id",
    "setup",
    "setup_with_sdk",
    "span_id",
    "task_span_id",
    "trace_id",
]
