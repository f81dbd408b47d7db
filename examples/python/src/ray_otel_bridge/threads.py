"""Attempts across threads: which attempt started a thread, or handed work to a pool.

Ray knows no task in a thread that it did not start. ``install`` makes ``threading.Thread.start`` note the attempt on the thread
that it starts, ``ThreadPoolExecutor.submit`` on the piece of work, and ``asyncio.run_coroutine_threadsafe``, with which Ray hands
calls to the event loop of an async actor, the number of a retried attempt. What runs, and how it ends, is not changed.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, TypeVar

from .attempt import Attempt, attempt_of_ray, note_async_call

_T = TypeVar("_T")
_STARTER = "_ray_otel_bridge_attempt"
_MARK = "_ray_otel_bridge_original"

_logger = logging.getLogger("ray_otel_bridge")
_work = threading.local()


def current_attempt() -> Attempt | None:
    """The attempt that runs here; in a thread that Ray did not start, the attempt that started it or gave it its work."""
    attempt = attempt_of_ray()
    if attempt is not None:
        return attempt
    attempt = getattr(_work, "attempt", None)
    return attempt if attempt is not None else getattr(threading.current_thread(), _STARTER, None)


def install() -> None:
    """Wraps the three functions, once a process."""
    _wrap(threading.Thread, "start", _start)
    _wrap(ThreadPoolExecutor, "submit", _submit)
    _wrap(asyncio, "run_coroutine_threadsafe", _run_coroutine_threadsafe)


def uninstall() -> None:
    """For tests."""
    for owner, name in ((threading.Thread, "start"), (ThreadPoolExecutor, "submit"), (asyncio, "run_coroutine_threadsafe")):
        original = getattr(getattr(owner, name), _MARK, None)
        if original is not None:
            setattr(owner, name, original)


def _wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    if hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    setattr(wrapped, _MARK, original)
    setattr(owner, name, wrapped)


def _start(original: Callable[..., None], thread: threading.Thread, /, *args: Any, **kwargs: Any) -> None:
    attempt = _attempt_or_none()
    if attempt is not None:
        setattr(thread, _STARTER, attempt)
    original(thread, *args, **kwargs)


def _submit(original: Callable[..., Any], pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    attempt = _attempt_or_none()
    if attempt is None:
        return original(pool, function, *args, **kwargs)
    return original(pool, _run_for, attempt, function, *args, **kwargs)


def _run_for(attempt: Attempt, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:
    before = getattr(_work, "attempt", None)
    _work.attempt = attempt
    try:
        return function(*args, **kwargs)
    finally:
        _work.attempt = before


def _run_coroutine_threadsafe(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    try:
        note_async_call()
    except Exception:
        _logger.debug("cannot determine the attempt of an async call", exc_info=True)
    return original(*args, **kwargs)


def _attempt_or_none() -> Attempt | None:
    try:
        return current_attempt()
    except Exception:
        _logger.debug("cannot determine the current attempt", exc_info=True)
        return None
