"""The set-up of a worker, as ``worker_process_setup_hook`` of a Ray runtime environment."""

from __future__ import annotations

import logging

from . import context, threads

_logger = logging.getLogger("ray_otel_bridge")


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
    as for the bridge. Spans leave the worker as soon as the outermost of them ends. Needs the extra ``sdk``. Never raises: what is
    missing is logged.
    """
    setup()
    try:
        from . import sdk

        sdk.configure()
    except Exception:
        _logger.warning("the OpenTelemetry SDK is not set up: spans of user code are not exported", exc_info=True)
