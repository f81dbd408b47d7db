"""The OpenTelemetry SDK in a worker, by the ``OTEL_*`` variables. Needs the extra ``sdk``; nothing else here imports it."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .attempt import connected_worker, job_metadata, session_name

#: At most so often the spans of a worker leave it, unless ``OTEL_BSP_SCHEDULE_DELAY`` says otherwise.
FLUSH_INTERVAL_MILLIS = 100

_logger = logging.getLogger("ray_otel_bridge")
_EXPORTER_BY_PROTOCOL = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


class PromptProcessor(SpanProcessor):
    """Passes spans on to a batching processor, and has it send them as soon as the outermost of them ends.

    Ray ends its workers without letting them say goodbye: what waits for a batch to fill is lost with them. The sending is done by
    a thread of its own, never while the task waits, and at most once in ``interval_millis``.
    """

    def __init__(self, batching: SpanProcessor, interval_millis: float = FLUSH_INTERVAL_MILLIS) -> None:
        self._batching = batching
        self._interval_seconds = interval_millis / 1_000
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._flush_when_wanted, name="ray-otel-bridge-flush", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._batching.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._batching.on_end(span)
        if span.parent is None or span.parent.is_remote:
            self._wanted.set()

    def shutdown(self) -> None:
        self._stopped.set()
        self._wanted.set()
        self._batching.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batching.force_flush(timeout_millis)

    def _flush_when_wanted(self) -> None:
        while True:
            self._wanted.wait()
            if self._stopped.is_set():
                return
            self._wanted.clear()
            try:
                self._batching.force_flush()
            except Exception:
                _logger.debug("cannot send spans now; the batching processor will", exc_info=True)
            self._stopped.wait(self._interval_seconds)


def configure(env: Mapping[str, str] = os.environ) -> None:
    """Sets a tracer provider with the exporters that the variables name, unless there is one already.

    Raises LookupError for an exporter that is not installed.
    """
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    exporters = [_load_exporter(name) for name in exporter_names(env)]
    provider = TracerProvider(resource=Resource.create(resource_attributes(env)))
    for exporter in exporters:
        provider.add_span_processor(PromptProcessor(BatchSpanProcessor(exporter), _interval_millis(env)))
    trace.set_tracer_provider(provider)


def exporter_names(env: Mapping[str, str]) -> list[str]:
    """Names of exporters, as packages register them."""
    names = [name.strip() for name in env.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()] or ["otlp"]
    protocol = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    return [_EXPORTER_BY_PROTOCOL.get(protocol.strip(), protocol) if name == "otlp" else name for name in names if name != "none"]


def resource_attributes(env: Mapping[str, str]) -> dict[str, str]:
    """``service.name`` as the bridge has it, and where in the cluster this process is."""
    attributes: dict[str, str] = {}
    metadata: Mapping[str, str] = {}
    worker = connected_worker()
    if worker is not None:
        attributes["ray.session_name"] = session_name(worker)
        attributes["ray.node_id"] = sys.modules["ray.runtime_context"].get_runtime_context().get_node_id()
        attributes["ray.worker_id"] = worker.worker_id.hex()
        metadata = job_metadata(worker)
    if not _names_service(env):
        attributes["service.name"] = metadata.get("ray_otel.service_name") or "ray"
    return attributes


def _names_service(env: Mapping[str, str]) -> bool:
    pairs = env.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    return bool(env.get("OTEL_SERVICE_NAME")) or any(pair.split("=")[0].strip() == "service.name" for pair in pairs)


def _interval_millis(env: Mapping[str, str]) -> float:
    try:
        return float(env["OTEL_BSP_SCHEDULE_DELAY"])
    except (KeyError, ValueError):
        return FLUSH_INTERVAL_MILLIS


def _load_exporter(name: str) -> Any:
    for entry_point in _entry_points("opentelemetry_traces_exporter"):
        if entry_point.name == name:
            return entry_point.load()()
    raise LookupError(f"no exporter named {name} is installed")


def _entry_points(group: str) -> Iterable[Any]:
    found: Any = importlib.metadata.entry_points()
    return found.select(group=group) if sys.version_info >= (3, 10) else found.get(group, ())  # type: ignore[no-any-return]
