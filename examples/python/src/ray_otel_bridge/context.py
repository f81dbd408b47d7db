"""The OpenTelemetry context of the attempt that runs here."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context.context import Context, _RuntimeContext
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from .attempt import Attempt, attempt_of_ray, bridge_reads_metadata, connected_worker, job_metadata
from .caller import Caller, caller_of
from .ids import job_span_id, job_trace_id, task_span_id
from .sampling import is_sampled
from .threads import current_attempt

_logger = logging.getLogger("ray_otel_bridge")
_resolving = threading.local()


class _Trace(NamedTuple):
    trace_id: int
    flags: TraceFlags
    state: TraceState


class BridgeSpan(NonRecordingSpan):
    """Stands for a span that the bridge sends: it records nothing here, and what is started under it becomes its child."""

    def __init__(self, context: SpanContext, attempt: Attempt) -> None:
        super().__init__(context)
        self.attempt = attempt


# The last answer of each: a process works for one job, and mostly for one attempt.
_last_trace: tuple[tuple[str, str], _Trace] | None = None
_last_span: BridgeSpan | None = None


def current_task_context(context: Context | None = None, *, caller: Mapping[str, str] | None = None) -> Context:
    """The OpenTelemetry context in which the bridge's span of the running attempt is the current span.

    Args:
        context: What else the context holds, such as baggage. Default: the current context.
        caller: Headers that the caller of this method took from ``opentelemetry.propagate.inject``. Needed only where another
            job calls an actor: the attempt belongs to the caller's trace, and Ray does not show the actor its caller.

    Returns:
        In a task or method of an actor, with the span of this attempt; in a driver, with the span of the job. In a thread that
        user code started after ``setup``, as where the thread was started. Outside Ray, and whenever something goes wrong,
        ``context`` unchanged. Never raises.
    """
    base = context if context is not None else context_api.get_current()
    span = _safely(lambda: _bridge_span(current_attempt(), caller))
    return base if span is None else trace.set_span_in_context(span, base)


def current_task_span_context(*, caller: Mapping[str, str] | None = None) -> SpanContext | None:
    """Trace id, span id and sampled flag of the bridge's span of the running attempt; None outside Ray. Never raises.

    ``caller`` as for ``current_task_context``.
    """
    span = _safely(lambda: _bridge_span(current_attempt(), caller))
    return None if span is None else span.get_span_context()


@contextlib.contextmanager
def caller_trace(headers: Mapping[str, str]) -> Iterator[None]:
    """Inside, the running attempt belongs to the trace of the caller that sent ``headers``.

    For methods of an actor that other jobs call, as the bridge shows such a call in the trace of the calling job. ``headers`` are
    those that ``opentelemetry.propagate.inject`` gave in the caller; without a valid ``traceparent`` nothing changes.
    """
    token = context_api.attach(current_task_context(caller=headers))
    try:
        yield
    finally:
        context_api.detach(token)


class TaskRuntimeContext(_RuntimeContext):
    """A context that is never without a span inside a Ray task: where nothing else is current, the attempt's span is.

    What user code makes current stays current, and a context that is named explicitly is not changed. ``setup`` puts it around
    the one that is in use.
    """

    def __init__(self, inner: _RuntimeContext) -> None:
        self._inner = inner

    def attach(self, context: Context) -> Any:
        return self._inner.attach(context)

    def get_current(self) -> Context:
        context = self._inner.get_current()
        span = _safely(lambda: _missing_span(context))
        return context if span is None else trace.set_span_in_context(span, context)

    def detach(self, token: Any) -> None:
        self._inner.detach(token)


def install() -> bool:
    """Puts the context in place for this process, once. False where this OpenTelemetry has no place for it."""
    # Older releases choose their context at its first use.
    context_api.get_current()
    current = getattr(context_api, "_RUNTIME_CONTEXT", None)
    if isinstance(current, TaskRuntimeContext):
        return True
    if not isinstance(current, _RuntimeContext):
        return False
    context_api._RUNTIME_CONTEXT = TaskRuntimeContext(current)
    return True


def uninstall() -> None:
    """For tests."""
    current = context_api._RUNTIME_CONTEXT
    if isinstance(current, TaskRuntimeContext):
        context_api._RUNTIME_CONTEXT = current._inner


def _missing_span(context: Context) -> BridgeSpan | None:
    """The span that the context should hold and does not."""
    present = trace.get_current_span(context)
    if isinstance(present, BridgeSpan):
        # Left over from an earlier attempt in this thread; a thread of the user's keeps what it was given.
        attempt = attempt_of_ray()
        return None if attempt is None or attempt == present.attempt else _bridge_span(attempt, None)
    return None if present is not trace.INVALID_SPAN else _bridge_span(current_attempt(), None)


def _bridge_span(attempt: Attempt | None, headers: Mapping[str, str] | None) -> BridgeSpan | None:
    global _last_span
    if attempt is None:
        return None
    if headers is not None:
        caller = caller_of(headers)
        if caller is not None:
            return _make_span(attempt, _callers_trace(caller))
    last = _last_span
    if last is None or last.attempt != attempt:
        _last_span = last = _make_span(attempt, _trace_of(attempt))
    return last


def _make_span(attempt: Attempt, trace_: _Trace) -> BridgeSpan:
    session, task_id, number = attempt
    span_id = job_span_id(session, attempt.job_id) if attempt.is_driver else task_span_id(session, task_id, number)
    context = SpanContext(trace_.trace_id, int(span_id, 16), is_remote=True, trace_flags=trace_.flags, trace_state=trace_.state)
    return BridgeSpan(context, attempt)


def _trace_of(attempt: Attempt) -> _Trace:
    """The trace of the attempt's job: its own, or that of the caller which the job's metadata names."""
    global _last_trace
    key = (attempt.session, attempt.job_id)
    last = _last_trace
    if last is not None and last[0] == key:
        return last[1]
    worker = connected_worker()
    caller = caller_of(job_metadata(worker)) if worker is not None and bridge_reads_metadata() else None
    trace_id = caller.trace_id if caller is not None else job_trace_id(*key)
    sampled = is_sampled(trace_id, caller, os.environ)
    found = _Trace(int(trace_id, 16), TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT), _state_of(caller))
    _last_trace = (key, found)
    return found


def _callers_trace(caller: Caller) -> _Trace:
    """The trace of the caller's headers, into which the bridge puts this attempt."""
    return _Trace(int(caller.trace_id, 16), TraceFlags(caller.trace_flags & TraceFlags.SAMPLED), _state_of(caller))


def _state_of(caller: Caller | None) -> TraceState:
    if caller is None or caller.trace_state is None:
        return TraceState()
    return TraceState.from_header([caller.trace_state])


def _safely(resolve: Any) -> BridgeSpan | None:
    # What is called in here may log, and a log handler may ask for the current span again.
    if getattr(_resolving, "active", False):
        return None
    _resolving.active = True
    try:
        span = resolve()
        return span if isinstance(span, BridgeSpan) else None
    except Exception:
        _logger.debug("cannot determine the span of the current attempt", exc_info=True)
        return None
    finally:
        _resolving.active = False
