"""The trace that a job's metadata asks to join, read as the bridge reads it.

The bridge's own rules are in ``src/event/driver-job-definition.ts`` and ``src/correlate/trace-ref.ts``; the vectors in
``test/fixtures/caller-vectors.json`` are checked against both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

#: Longer values are not read (UTF-16 units, as the bridge counts).
VALUE_LENGTH_MAX = 512

# What the bridge's runtime takes for white space.
_SPACE = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TRACEPARENT = re.compile("((?!ff)[0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-[^\n\r\u2028\u2029]*)?")


class Caller(NamedTuple):
    """A caller's span, of W3C Trace Context. Ids in hex; ``trace_state`` as it came."""

    trace_id: str
    span_id: str
    trace_flags: int
    trace_state: str | None = None


def parse_caller(traceparent: str | None, tracestate: str | None = None) -> Caller | None:
    """The caller of a ``traceparent`` and ``tracestate``; None where the bridge would take the ``traceparent`` for none."""
    text = _read(traceparent)
    match = None if text is None else _TRACEPARENT.fullmatch(text.strip(_SPACE))
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    # Only versions to come may append something.
    if version == "00" and rest is not None:
        return None
    return Caller(trace_id, span_id, int(flags, 16), _read(tracestate))


def caller_of(metadata: Mapping[str, str]) -> Caller | None:
    """The caller that headers or a job's metadata name: keys ``traceparent`` and ``tracestate``."""
    return parse_caller(metadata.get("traceparent"), metadata.get("tracestate"))


def _read(value: str | None) -> str | None:
    if not isinstance(value, str):
        return None
    text = _CONTROLS.sub("", value)
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return text if 0 < length <= VALUE_LENGTH_MAX else None
