"""A caller (Airflow, CI, a web request) sends a Ray job from inside its own trace: the job becomes a child of the caller's span.

    python submit_from_trace.py http://127.0.0.1:8265 python train.py

Needs ``ray[default]`` and the extra ``sdk`` of this package; spans go where the ``OTEL_*`` variables say.
"""

import shlex
import sys
import time

from opentelemetry import trace
from opentelemetry.propagate import inject
from ray.job_submission import JobStatus, JobSubmissionClient

import ray_otel_bridge

ray_otel_bridge.setup_with_sdk()
tracer = trace.get_tracer("nightly")
client = JobSubmissionClient(sys.argv[1])

with tracer.start_as_current_span("nightly run"):
    metadata: dict[str, str] = {}
    inject(metadata)  # traceparent and tracestate of this span
    job = client.submit_job(entrypoint=shlex.join(sys.argv[2:]), metadata=metadata)
    while not client.get_job_status(job).is_terminal():
        time.sleep(1)

if client.get_job_status(job) != JobStatus.SUCCEEDED:
    sys.exit(client.get_job_info(job).message)
