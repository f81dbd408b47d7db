"""Runs until its file is there, with something that is done before and something that runs all the while."""

import sys
import time
from pathlib import Path

import ray

ray.init(address="auto", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def prepare(n):
    return n


@ray.remote(num_cpus=0.1)
def train(until):
    for _ in range(600):
        if Path(until).exists():
            return True
        time.sleep(0.1)
    return False


ray.get([prepare.remote(n) for n in range(3)])
ray.get(train.remote(sys.argv[1]))
time.sleep(2)
