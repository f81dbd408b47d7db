import asyncio
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from fake_ray import ACTOR, CALL, OTHER_TASK, SESSION, TASK, FakeRay, in_thread

from ray_otel_bridge import attempt as attempt_module
from ray_otel_bridge import threads
from ray_otel_bridge.attempt import Attempt
from ray_otel_bridge.threads import current_attempt


class Threads(unittest.TestCase):
    def setUp(self):
        threads.install()
        self.addCleanup(threads.uninstall)

    def test_belong_to_the_attempt_that_started_them(self):
        with FakeRay() as ray:
            ray.core.run(TASK, 1)
            self.assertEqual(in_thread(current_attempt), Attempt(SESSION, TASK, 1))
            self.assertEqual(in_thread(in_thread, current_attempt), Attempt(SESSION, TASK, 1))

    def test_go_on_belonging_to_it(self):
        with FakeRay() as ray:
            go_on, seen = threading.Event(), []
            ray.core.run(TASK)
            thread = threading.Thread(target=lambda: (go_on.wait(30), seen.append(current_attempt())))
            thread.start()
            ray.core.run(OTHER_TASK)
            go_on.set()
            thread.join()
            self.assertEqual(seen, [Attempt(SESSION, TASK)])

    def test_of_ray_have_their_own(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            self.assertEqual(in_thread(lambda: (ray.core.run(OTHER_TASK), current_attempt())[1]), Attempt(SESSION, OTHER_TASK))

    def test_of_a_pool_work_for_who_submitted(self):
        with FakeRay() as ray, ThreadPoolExecutor(1) as pool:
            for task in [TASK, OTHER_TASK]:
                ray.core.run(task)
                self.assertEqual(pool.submit(current_attempt).result(), Attempt(SESSION, task))
                self.assertEqual(list(pool.map(lambda _: current_attempt(), range(2))), [Attempt(SESSION, task)] * 2)

    def test_of_an_event_loops_pool_too(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR

            async def call():
                ray.core.async_task_id.set(CALL)
                return await asyncio.get_running_loop().run_in_executor(None, current_attempt)

            self.assertEqual(asyncio.run(call()), Attempt(SESSION, CALL))

    def test_are_as_ever_outside_ray(self):
        self.assertIsNone(in_thread(current_attempt))
        with ThreadPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(lambda a, *, fn: a + fn, 1, fn=2).result(), 3)

    def test_take_arguments_and_give_exceptions_as_ever(self):
        with FakeRay() as ray, ThreadPoolExecutor(1) as pool:
            ray.core.run(TASK)
            self.assertEqual(pool.submit(lambda attempt, *, function: (attempt, function), 1, function=2).result(), (1, 2))
            with self.assertRaises(ZeroDivisionError):
                pool.submit(lambda: 1 // 0).result()
            self.assertIsNone(getattr(threads._work, "attempt", None))

    def test_start_also_when_ray_fails(self):
        with FakeRay() as ray, ThreadPoolExecutor(1) as pool:
            ray.core.run(TASK)
            ray.core.error = RuntimeError("the core worker is gone")
            self.assertEqual(in_thread(lambda: 1), 1)
            self.assertEqual(pool.submit(lambda: 2).result(), 2)


class AsyncCalls(unittest.TestCase):
    def setUp(self):
        threads.install()
        self.addCleanup(threads.uninstall)
        self.addCleanup(attempt_module._retried_calls.clear)
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever)
        thread.start()
        self.addCleanup(self.loop.close)
        self.addCleanup(thread.join)
        self.addCleanup(self.loop.call_soon_threadsafe, self.loop.stop)

    def hand_over(self, ray, task, attempt):
        """As Ray does it."""

        async def call():
            ray.core.async_task_id.set(task)
            await asyncio.sleep(0)
            return await asyncio.create_task(part())

        async def part():
            return current_attempt()

        ray.core.run(task, attempt)
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def test_have_the_number_of_their_attempt(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            for attempt in range(3):
                self.assertEqual(self.hand_over(ray, CALL, attempt), Attempt(SESSION, CALL, attempt))

    def test_run_also_when_ray_fails(self):
        with FakeRay() as ray:
            ray.core.error = RuntimeError("the core worker is gone")

            async def call():
                return 1

            self.assertEqual(asyncio.run_coroutine_threadsafe(call(), self.loop).result(30), 1)


class Install(unittest.TestCase):
    def test_wraps_once_and_can_be_undone(self):
        before = threading.Thread.start, ThreadPoolExecutor.submit, asyncio.run_coroutine_threadsafe
        threads.install()
        wrapped = threading.Thread.start, ThreadPoolExecutor.submit, asyncio.run_coroutine_threadsafe
        threads.install()
        self.assertEqual((threading.Thread.start, ThreadPoolExecutor.submit, asyncio.run_coroutine_threadsafe), wrapped)
        self.assertTrue(all(a is not b for a, b in zip(before, wrapped)))
        threads.uninstall()
        self.assertEqual((threading.Thread.start, ThreadPoolExecutor.submit, asyncio.run_coroutine_threadsafe), before)


if __name__ == "__main__":
    unittest.main()
