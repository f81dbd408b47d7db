import asyncio
import sys
import unittest
from unittest import mock

from fake_ray import ACTOR, CALL, JOB, NIL_TASK, OTHER_TASK, SESSION, TASK, FakeRay, in_thread

from ray_otel_bridge import attempt as module
from ray_otel_bridge.attempt import Attempt, attempt_of_ray, bridge_reads_metadata, note_async_call


class OutsideRay(unittest.TestCase):
    def test_there_is_none_and_ray_is_not_imported(self):
        with mock.patch.dict(sys.modules):
            for name in [name for name in sys.modules if name == "ray" or name.startswith("ray.")]:
                del sys.modules[name]
            self.assertIsNone(attempt_of_ray())
            self.assertNotIn("ray", sys.modules)

    def test_there_is_none_before_ray_is_connected_and_in_local_mode(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            ray.worker.connected = False
            self.assertIsNone(attempt_of_ray())
            ray.worker.connected = True
            ray.worker.mode = 2
            self.assertIsNone(attempt_of_ray())


class InAWorker(unittest.TestCase):
    def test_it_is_the_task_of_the_thread(self):
        for version in ["2.49.2", "2.60.0"]:
            with self.subTest(version), FakeRay(version) as ray:
                ray.core.run(TASK, 2)
                self.assertEqual(attempt_of_ray(), Attempt(SESSION, TASK, 2))
                self.assertEqual(attempt_of_ray().job_id, JOB)
                self.assertFalse(attempt_of_ray().is_driver)

    def test_there_is_none_between_tasks(self):
        with FakeRay() as ray:
            ray.core.run(NIL_TASK)
            self.assertIsNone(attempt_of_ray())

    def test_there_is_none_where_ray_makes_up_a_task(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            self.assertIsNone(in_thread(attempt_of_ray))
            ray.core.actor_id = ACTOR
            self.assertIsNone(in_thread(attempt_of_ray))

    def test_it_is_the_call_or_creation_of_an_actor(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            for task in [CALL, "f" * 16 + ACTOR]:
                ray.core.run(task, 1)
                self.assertEqual(attempt_of_ray(), Attempt(SESSION, task, 1))

    def test_it_is_the_call_of_the_coroutine(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR

            async def call():
                ray.core.async_task_id.set(CALL)
                return attempt_of_ray()

            self.assertEqual(asyncio.run(call()), Attempt(SESSION, CALL, 0))


class InADriver(unittest.TestCase):
    def test_it_is_the_driver_in_every_thread(self):
        with FakeRay(driver=True):
            driver = Attempt(SESSION, "f" * 40 + JOB)
            self.assertEqual(attempt_of_ray(), driver)
            self.assertEqual(in_thread(attempt_of_ray), driver)
            self.assertTrue(driver.is_driver)
            self.assertEqual(driver.job_id, JOB)


class RetriedAsyncCalls(unittest.TestCase):
    def setUp(self):
        self.addCleanup(module._retried_calls.clear)

    def test_keep_the_number_that_ray_knew_when_it_handed_them_over(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            ray.core.run(CALL, 2)
            note_async_call()

            def in_event_loop():
                ray.core.async_task_id.set(CALL)
                return attempt_of_ray()

            self.assertEqual(in_thread(in_event_loop), Attempt(SESSION, CALL, 2))

    def test_are_not_told_from_inside_a_call(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            ray.core.run("85748392bcd969cd" + ACTOR, 1)

            def in_event_loop():
                ray.core.async_task_id.set(CALL)
                note_async_call()

            in_thread(in_event_loop)
            ray.core.async_task_id.set(CALL)
            note_async_call()
            self.assertEqual(module._retried_calls, {})

    def test_are_not_told_from_a_thread_of_the_user(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            in_thread(lambda: (ray.core.run("16310a0f0a45af5c" + "00" * 12 + JOB, 1), note_async_call()))
            self.assertEqual(module._retried_calls, {})

    def test_are_remembered_up_to_a_limit(self):
        with FakeRay() as ray, mock.patch.object(module, "RETRIED_CALLS_MAX", 3):
            for number in range(5):
                ray.core.run(f"{number:016x}" + "f" * 24 + JOB, 1)
                note_async_call()
            self.assertEqual([int(task[:16], 16) for task in module._retried_calls], [2, 3, 4])

    def test_first_attempts_take_no_room(self):
        with FakeRay() as ray:
            ray.core.run(OTHER_TASK, 0)
            note_async_call()
            self.assertEqual(module._retried_calls, {})


class Versions(unittest.TestCase):
    def test_tell_metadata_from_2_50_on(self):
        for version, expected in [("2.49.2", False), ("2.50.0", True), ("2.60.0", True), ("3.0.0.dev0", True), ("2.51rc1", True)]:
            with self.subTest(version), FakeRay(version):
                self.assertIs(bridge_reads_metadata(), expected)


if __name__ == "__main__":
    unittest.main()
