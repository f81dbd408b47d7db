"""The published formula of the bridge's trace and span ids (docs/reference/ids.md).

``H(kind, session, *parts)`` is the SHA-256 of the UTF-8 text ``ray-otel-bridge/v1``, kind, session name and parts, joined with
NUL bytes. A trace id is its first 16 bytes, a span id its first 8; one that is all zero ends in 01 instead. All ids here are
lower-case hex without a prefix, as Ray's ``.hex()`` gives them. Neither Ray nor OpenTelemetry is needed to compute them.
"""

from __future__ import annotations

import hashlib

VERSION = "ray-otel-bridge/v1"

_TRACE_HEX = 32
_SPAN_HEX = 16


def _hash(kind: str, session: str, parts: tuple[str | int, ...], hex_length: int) -> str:
    text = "\0".join([VERSION, kind, session, *map(str, parts)])
    # An unpaired surrogate has no UTF-8 form; the bridge's runtime puts U+FFFD in its place.
    digest = hashlib.sha256(_well_formed(text).encode()).hexdigest()[:hex_length]
    return digest if digest.strip("0") else "0" * (hex_length - 2) + "01"


def _well_formed(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def trace_id(kind: str, session: str, *parts: str | int) -> str:
    """Trace id of any kind of the table in docs/reference/ids.md, as ``trace.job``: 32 hex digits."""
    return _hash(kind, session, parts, _TRACE_HEX)


def span_id(kind: str, session: str, *parts: str | int) -> str:
    """Span id of any kind of the table in docs/reference/ids.md, as ``task``: 16 hex digits."""
    return _hash(kind, session, parts, _SPAN_HEX)


def job_trace_id(session: str, job_id: str) -> str:
    """Trace of a job whose metadata names no ``traceparent``."""
    return trace_id("trace.job", session, job_id)


def job_span_id(session: str, job_id: str) -> str:
    """Span of a job: what the driver's own spans stand under."""
    return span_id("job", session, job_id)


def task_span_id(session: str, task_id: str, attempt: int) -> str:
    """Span of an attempt of a task, an actor's creation or a call of a method. ``attempt`` counts from 0."""
    return span_id("task", session, task_id, attempt)
