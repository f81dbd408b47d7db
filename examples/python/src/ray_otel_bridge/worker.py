"""The set-up of a worker, as ``worker_process_setup_hook`` of a Ray runtime environment."""

import importlib.metadata
import logging
import os
import sys
from typing import Any

from . import context, threads
from .attempt import connected_worker, job_metadata, session_name

#: How long a finished span waits in a worker, unless ``OTEL_BSP_SCHEDULE_DELAY`` says otherwise. A worker that dies takes what
#: still waits along; Ray's own events wait as long.
SCHEDULE_DELAY_MILLIS = 1_000

_logger = logging.getLogger("ray_otel_bridge")
_EXPORTER_BY_PROTOCOL = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def setup() -> None:
    """Makes the span of the running attempt the parent of every span that has no other, in all tasks of this process.

    Use it as Ray worker setup hook: ``runtime_env={"worker_process_setup_hook": "ray_otel_bridge.setup"}``; in a driver call it
    after ``ray.init``, and spans stand under the job's. Works for every tracer provider, for propagation to other services and
    for log correlation. It changes nothing outside Ray, and calling it again does nothing. Never raises.
    """
    try:
        if not context.install():
            _logger.warning("this opentelemetry-api has no place for a runtime context: use current_task_context() in each task")
        threads.install()
    except Exception:
        _logger.warning("spans will not be put under the spans of Ray tasks", exc_info=True)


def setup_with_sdk() -> None:
    """As ``setup``, and configures the OpenTelemetry SDK by the ``OTEL_*`` variables, unless a tracer provider is set already.

    ``OTEL_TRACES_EXPORTER`` (default ``otlp``) and ``OTEL_EXPORTER_OTLP_PROTOCOL`` (default ``http/protobuf``) choose among the
    exporters that are installed. ``service.name`` is ``OTEL_SERVICE_NAME``, else the job's ``ray_otel.service_name``, else ``ray``,
    as for the bridge. Finished spans leave within a second. Needs the extra ``sdk``. Never raises: what is missing is logged.
    """
    setup()
    try:
        _configure_sdk()
    except Exception:
        _logger.warning("the OpenTelemetry SDK is not set up: spans of user code are not exported", exc_info=True)


def _configure_sdk() -> None:
    from opentelemetry import trace

    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create(_resource_attributes()))
    delay: dict[str, Any] = {} if "OTEL_BSP_SCHEDULE_DELAY" in os.environ else {"schedule_delay_millis": SCHEDULE_DELAY_MILLIS}
    for exporter in _exporter_names():
        provider.add_span_processor(BatchSpanProcessor(_load_exporter(exporter), **delay))
    trace.set_tracer_provider(provider)


def _exporter_names() -> list[str]:
    """Names of entry points of exporters."""
    names = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()] or ["otlp"]
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    return [_EXPORTER_BY_PROTOCOL.get(protocol.strip(), protocol) if name == "otlp" else name for name in names if name != "none"]


def _load_exporter(name: str) -> Any:
    for entry_point in _entry_points("opentelemetry_traces_exporter"):
        if entry_point.name == name:
            return entry_point.load()()
    raise LookupError(f"no exporter named {name} is installed")


def _entry_points(group: str) -> Any:
    found = importlib.metadata.entry_points()
    # Python 3.9 has a dict of lists here.
    return found.get(group, ()) if isinstance(found, dict) else found.select(group=group)


def _resource_attributes() -> dict[str, str]:
    attributes: dict[str, str] = {}
    worker = connected_worker()
    metadata: Any = {}
    if worker is not None:
        attributes["ray.session_name"] = session_name(worker)
        attributes["ray.node_id"] = sys.modules["ray.runtime_context"].get_runtime_context().get_node_id()
        attributes["ray.worker_id"] = worker.worker_id.hex()
        metadata = job_metadata(worker)
    if not _names_service(os.environ):
        attributes["service.name"] = metadata.get("ray_otel.service_name") or "ray"
    return attributes


def _names_service(env: Any) -> bool:
    pairs = env.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    return bool(env.get("OTEL_SERVICE_NAME")) or any(pair.split("=")[0].strip() == "service.name" for pair in pairs)
