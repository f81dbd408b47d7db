"""Runs until it is stopped or killed, with tasks that run and tasks that wait; prints a line when they do. See ground_truth.py."""

import time

import ray
from ground_truth import logged, submit

ray.init(address="auto", namespace="truth", log_to_driver=False)


@ray.remote(num_cpus=2)
def endless(call):
    with logged(call):
        time.sleep(600)


@ray.remote(num_cpus=0)
def short(call):
    with logged(call):
        time.sleep(0.1)


def main():
    ray.get([submit(short) for _ in range(2)])
    calls = [submit(endless) for _ in range(3)]
    time.sleep(4)
    print("at work", flush=True)
    ray.get(calls)


main()
