"""The first driver of the end-to-end workload: every way in which a task or an actor can live and die, in about 20 seconds.

Prints one line when done. Runs on Ray 2.49 to 2.60. The cluster must be up; secrets come from E2E_SECRET and must never be seen again.
"""

import asyncio
import os
import signal
import time

import ray
from ray.exceptions import RayError

SECRET = os.environ["E2E_SECRET"]

ray.init(
    address="auto",
    namespace="e2e",
    log_to_driver=False,
    runtime_env={"env_vars": {"E2E_API_KEY": SECRET}},
)


@ray.remote(num_cpus=0.1)
def leaf(n):
    return n * n


@ray.remote(num_cpus=0.1)
def branch(n):
    return sum(ray.get([leaf.remote(i) for i in range(n)]))


@ray.remote(num_cpus=0.1)
def root_task():
    return sum(ray.get([branch.remote(2), branch.remote(3)]))


@ray.remote(num_cpus=0.1, max_retries=2, retry_exceptions=True)
def flaky(folder):
    """Fails twice, each time after a child task, and then succeeds: the children belong under the attempt that made them."""
    ray.get(leaf.remote(7))
    path = os.path.join(folder, "flaky")
    with open(path, "a") as file:
        file.write("x")
    if os.path.getsize(path) < 3:
        raise ValueError("\x1b[31mnot yet\x1b[0m <script>alert(1)</script>")
    return "at last"


@ray.remote(num_cpus=0.1, max_retries=0)
def broken():
    raise KeyError("never works")


@ray.remote(num_cpus=0.1, max_retries=1)
def dies(folder):
    """The worker ends in the middle, twice: no RUNNING, no profile, only what the owner knows."""
    if not os.path.exists(os.path.join(folder, "died")):
        open(os.path.join(folder, "died"), "w").close()
        os._exit(1)
    os.kill(os.getpid(), signal.SIGKILL)


@ray.remote(num_cpus=0.1)
def endless():
    # In short steps: the interrupt of a cancel is only seen between them.
    for _ in range(6000):
        time.sleep(0.1)


@ray.remote(num_cpus=1000)
def never_placed():
    return None


@ray.remote(num_cpus=0.1, runtime_env={"env_vars": {"E2E_TASK_KEY": SECRET + "-task"}})
def with_environment():
    return len(os.environ["E2E_TASK_KEY"])


@ray.remote(num_cpus=0.1, max_retries=0, runtime_env={"working_dir": "file:///no/such/folder.zip", "env_vars": {"E2E_BAD_KEY": SECRET + "-bad"}})
def without_environment():
    return None


@ray.remote(num_cpus=0.1, max_restarts=1, max_task_retries=0)
class Phoenix:
    def __init__(self):
        self.count = 0

    def work(self, n):
        self.count += ray.get(leaf.remote(n))
        return self.count

    def crash(self):
        os._exit(1)

    def fail(self):
        raise RuntimeError("the actor lives on")


@ray.remote(num_cpus=0.1)
class Waiter:
    async def wait(self, seconds):
        await asyncio.sleep(seconds)
        return await leaf.remote(3)


@ray.remote(num_cpus=0.1)
class Registry:
    def __init__(self):
        self.entries = {}

    def put(self, key, value):
        self.entries[key] = value
        return ray.get(leaf.remote(len(self.entries)))


@ray.remote(num_cpus=0.1)
class Stillborn:
    def __init__(self):
        raise OSError("no disk")

    def ping(self):
        return None


@ray.remote(num_cpus=0.1)
def count_to(n):
    for i in range(n):
        yield i


def outcome(ref, timeout=60):
    """The name of what happened: the value's or the exception's type."""
    try:
        return type(ray.get(ref, timeout=timeout)).__name__
    except RayError as error:
        return type(error).__name__


def main():
    folder = os.environ["E2E_FOLDER"]
    done = {}
    done["nested"] = outcome(root_task.remote())
    done["named"] = outcome(leaf.options(name="leaf with a name").remote(5))
    done["flaky"] = outcome(flaky.remote(folder))
    done["broken"] = outcome(broken.remote())
    done["with_environment"] = outcome(with_environment.remote())

    registry = Registry.options(name="registry", lifetime="detached").remote()
    done["registry"] = outcome(registry.put.remote("a", 1))

    phoenix = Phoenix.remote()
    done["work"] = outcome(phoenix.work.remote(2))
    done["fail"] = outcome(phoenix.fail.remote())
    done["crash"] = outcome(phoenix.crash.remote())
    for _ in range(30):
        done["work again"] = outcome(phoenix.work.remote(4))
        if done["work again"] == "int":
            break
        time.sleep(1)

    waiter = Waiter.remote()
    done["async"] = [outcome(ref) for ref in [waiter.wait.remote(0.2), waiter.wait.remote(0.1)]]

    done["dies"] = outcome(dies.remote(folder))
    done["stillborn"] = outcome(Stillborn.remote().ping.remote())
    done["stream"] = [ray.get(ref) for ref in count_to.options(num_returns="streaming").remote(3)]

    running = endless.remote()
    time.sleep(2)
    ray.cancel(running)
    done["cancelled"] = outcome(running, timeout=5)
    forced = endless.remote()
    time.sleep(2)
    ray.cancel(forced, force=True)
    done["cancelled by force"] = outcome(forced)
    waiting = never_placed.remote()
    time.sleep(1)
    ray.cancel(waiting)
    done["cancelled while waiting"] = outcome(waiting)
    done["without_environment"] = outcome(without_environment.remote(), timeout=30)

    ray.kill(phoenix)
    time.sleep(2)
    print("pipeline done:", done)


main()
