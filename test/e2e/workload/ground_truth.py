"""What tasks really did: a log of one line of JSON for each fact, in a file that all processes of a machine append to.

`submit` logs who calls, `logged` what runs. The file is GROUND_TRUTH_FILE in the environment of the cluster.
"""

import contextlib
import json
import os
import time
import uuid

import ray
from ray._private.worker import global_worker


def write(**entry):
    line = json.dumps({**entry, "ns": str(time.time_ns()), "pid": os.getpid()}) + "\n"
    file = os.open(os.environ["GROUND_TRUTH_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def me():
    """Id of the task that runs here. In a thread of its own Ray makes one up: ask before you start the thread."""
    return global_worker.current_task_id.hex()


def submit(remote, *args, caller=None):
    """Calls a remote function or method, whose first argument is the number of the call."""
    call = uuid.uuid4().hex
    write(what="submit", call=call, caller=caller or me())
    result = remote.remote(call, *args)
    write(what="submitted", call=call)
    return result


def this_run(call):
    return {"call": call, "task": me(), "attempt": global_worker.core_worker.get_current_task_attempt_number()}


@contextlib.contextmanager
def logged(call):
    """Around the whole body of a task or method."""
    run = this_run(call)
    write(what="start", **run)
    try:
        yield
    except BaseException as error:
        write(what="end", **run, outcome=type(error).__name__)
        raise
    write(what="end", **run, outcome="ok")


def die(call):
    """Ends the process at once, when what it knows has left it: events are sent once a second."""
    time.sleep(1.5)
    write(what="end", **this_run(call), outcome="died")
    os._exit(1)


@contextlib.contextmanager
def covered(name):
    """Code that Ray runs somewhere inside of an attempt, possibly in a thread where the task has no id."""
    call = uuid.uuid4().hex
    write(what="covered start", call=call, name=name)
    try:
        yield
    finally:
        write(what="covered end", call=call, name=name)


def drain():
    """For the end of a driver: what it knows has left it, too."""
    time.sleep(2)
    ray.shutdown()
