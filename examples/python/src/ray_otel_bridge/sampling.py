"""Whether the bridge keeps a trace: the same answer for the user's spans and for the bridge's.

It is decided by the variables ``OTEL_TRACES_SAMPLER`` and ``OTEL_TRACES_SAMPLER_ARG``, which must be the same for the workers as
for the bridge. Python's SDK computes a ratio from other bits of the trace id than the bridge does, so the decision is made here
and handed to the SDK as the parent's sampled flag, which its ``parentbased_*`` samplers follow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .caller import Caller

_PARENT_BASED = "parentbased_"
_DEFAULT = _PARENT_BASED + "always_on"
_UINT32 = 0xFFFFFFFF


def is_sampled(trace_id: str, caller: Caller | None, env: Mapping[str, str]) -> bool:
    """The bridge's decision for a trace, with the variables of ``env``. A setting that the bridge would refuse keeps all."""
    name = env.get("OTEL_TRACES_SAMPLER", "").strip() or _DEFAULT
    is_parent_based = name.startswith(_PARENT_BASED)
    if is_parent_based and caller is not None:
        return caller.trace_flags & 1 == 1
    root = name[len(_PARENT_BASED) :] if is_parent_based else name
    if root == "always_off":
        return False
    if root == "traceidratio":
        return _in_ratio(trace_id, env.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1")
    return True


def _in_ratio(trace_id: str, argument: str) -> bool:
    """The exclusive or of the id's four 32-bit words, against that part of their range."""
    try:
        ratio = float(argument)
    except ValueError:
        return True
    if math.isnan(ratio) or not 0 <= ratio <= 1:
        return True
    if ratio == 1:
        return True
    folded = 0
    for start in range(0, 32, 8):
        folded ^= int(trace_id[start : start + 8], 16)
    return folded < math.floor(ratio * _UINT32)
