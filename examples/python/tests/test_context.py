import logging
import unittest
from unittest import mock

from fake_ray import ACTOR, CALL, JOB, NIL_TASK, OTHER_TASK, SESSION, TASK, FakeRay, in_thread
from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.propagate import inject
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from ray_otel_bridge import caller_trace, context, current_task_context, current_task_span_context
from ray_otel_bridge.ids import job_span_id, job_trace_id, task_span_id

CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "vendor=a"}
UNSAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}


def ids(span_context):
    return f"{span_context.trace_id:032x}", f"{span_context.span_id:016x}"


def current_ids(of=None):
    return ids(trace.get_current_span(of).get_span_context())


def attempt_ids(task, attempt=0, trace_id=None):
    return trace_id or job_trace_id(SESSION, JOB), task_span_id(SESSION, task, attempt)


def span_of_user():
    return NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))


class Case(unittest.TestCase):
    def setUp(self):
        context._last_span = context._last_trace = None


class CurrentTaskContext(Case):
    def test_is_the_current_context_outside_ray(self):
        with mock.patch.dict("sys.modules", {"ray._private.worker": None}):
            given = baggage.set_baggage("a", "b")
            self.assertIs(current_task_context(given), given)
            self.assertIs(current_task_context(), context_api.get_current())
            self.assertIsNone(current_task_span_context())

    def test_is_unchanged_between_tasks_and_whenever_ray_fails(self):
        with FakeRay() as ray:
            given = Context()
            ray.core.run(NIL_TASK)
            self.assertIs(current_task_context(given), given)
            ray.core.run(TASK)
            ray.core.error = RuntimeError("the core worker is gone")
            self.assertIs(current_task_context(given), given)
            self.assertIsNone(current_task_span_context())

    def test_has_the_span_of_the_attempt(self):
        with FakeRay() as ray:
            ray.core.run(TASK, 1)
            span_context = current_task_span_context()
            self.assertEqual(ids(span_context), attempt_ids(TASK, 1))
            self.assertTrue(span_context.is_remote)
            self.assertTrue(span_context.trace_flags.sampled)
            self.assertEqual(current_ids(current_task_context()), attempt_ids(TASK, 1))

    def test_keeps_what_else_the_context_holds_but_not_its_span(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            given = trace.set_span_in_context(span_of_user(), baggage.set_baggage("a", "b"))
            made = current_task_context(given)
            self.assertEqual(baggage.get_baggage("a", made), "b")
            self.assertEqual(current_ids(made), attempt_ids(TASK))

    def test_has_the_span_of_the_job_in_a_driver(self):
        with FakeRay(driver=True):
            self.assertEqual(ids(current_task_span_context()), (job_trace_id(SESSION, JOB), job_span_id(SESSION, JOB)))

    def test_follows_the_attempt(self):
        with FakeRay() as ray:
            for task, attempt in [(TASK, 0), (TASK, 1), (OTHER_TASK, 0), (TASK, 0)]:
                ray.core.run(task, attempt)
                self.assertEqual(ids(current_task_span_context()), attempt_ids(task, attempt))


class TraceOfTheJob(Case):
    def test_is_that_of_the_caller_in_its_metadata(self):
        with FakeRay() as ray:
            ray.core.metadata = dict(CALLER)
            ray.core.run(TASK)
            span_context = current_task_span_context()
            self.assertEqual(ids(span_context), attempt_ids(TASK, trace_id="0af7651916cd43dd8448eb211c80319c"))
            self.assertTrue(span_context.trace_flags.sampled)
            self.assertEqual(span_context.trace_state.to_header(), "vendor=a")

    def test_is_its_own_where_the_metadata_names_no_valid_caller(self):
        with FakeRay() as ray:
            ray.core.metadata = {"traceparent": "00-xyz-01", "tracestate": "vendor=a"}
            ray.core.run(TASK)
            span_context = current_task_span_context()
            self.assertEqual(ids(span_context), attempt_ids(TASK))
            self.assertEqual(len(span_context.trace_state), 0)

    def test_is_its_own_with_a_ray_that_tells_the_bridge_no_metadata(self):
        with FakeRay("2.49.2") as ray:
            ray.core.metadata = dict(CALLER)
            ray.core.run(TASK)
            self.assertEqual(ids(current_task_span_context()), attempt_ids(TASK))

    def test_is_sampled_as_the_caller_says(self):
        with FakeRay() as ray:
            ray.core.metadata = dict(UNSAMPLED)
            ray.core.run(TASK)
            self.assertFalse(current_task_span_context().trace_flags.sampled)

    def test_is_sampled_as_the_variables_say(self):
        with FakeRay() as ray, mock.patch.dict("os.environ", {"OTEL_TRACES_SAMPLER": "always_off"}):
            ray.core.run(TASK)
            self.assertFalse(current_task_span_context().trace_flags.sampled)


class CallsOfOtherJobs(Case):
    def test_stand_in_the_trace_of_the_caller(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            ray.core.run(CALL)
            own, callers = attempt_ids(CALL), attempt_ids(CALL, trace_id="0af7651916cd43dd8448eb211c80319c")
            self.assertEqual(current_ids(current_task_context(caller=CALLER)), callers)
            self.assertFalse(current_task_span_context(caller=UNSAMPLED).trace_flags.sampled)
            # Nothing of it is left for others.
            self.assertEqual(ids(current_task_span_context()), own)

    def test_stand_in_the_actors_own_without_valid_headers(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            ray.core.run(CALL)
            for headers in [{}, {"traceparent": "no"}]:
                self.assertEqual(current_ids(current_task_context(caller=headers)), attempt_ids(CALL))

    def test_do_so_for_all_inside_caller_trace(self):
        with FakeRay() as ray:
            ray.core.actor_id = ACTOR
            ray.core.run(CALL)
            self.addCleanup(context.uninstall)
            context.install()
            with caller_trace(CALLER):
                self.assertEqual(current_ids(), attempt_ids(CALL, trace_id="0af7651916cd43dd8448eb211c80319c"))
                headers = {}
                inject(headers)
                self.assertEqual(headers["traceparent"][3:35], "0af7651916cd43dd8448eb211c80319c")
            self.assertEqual(current_ids(), attempt_ids(CALL))

    def test_leave_exceptions_of_user_code_alone(self):
        with self.assertRaises(KeyError), caller_trace(CALLER):
            raise KeyError("user")


class RuntimeContext(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(context.uninstall)
        self.assertTrue(context.install())

    def test_changes_nothing_outside_ray(self):
        self.assertIs(trace.get_current_span(), trace.INVALID_SPAN)

    def test_is_installed_once(self):
        installed = context_api._RUNTIME_CONTEXT
        self.assertTrue(context.install())
        self.assertIs(context_api._RUNTIME_CONTEXT, installed)

    def test_is_not_installed_into_an_opentelemetry_without_a_place_for_it(self):
        with mock.patch.object(context_api, "_RUNTIME_CONTEXT", mock.Mock()):
            self.assertFalse(context.install())

    def test_has_the_span_of_the_attempt_where_no_other_is_current(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            self.assertEqual(current_ids(), attempt_ids(TASK))
            headers = {}
            inject(headers)
            self.assertEqual(headers["traceparent"], "00-{}-{}-01".format(*attempt_ids(TASK)))

    def test_keeps_baggage(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            token = context_api.attach(baggage.set_baggage("a", "b"))
            self.assertEqual((baggage.get_baggage("a"), current_ids()), ("b", attempt_ids(TASK)))
            context_api.detach(token)

    def test_leaves_a_span_of_the_user_current(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            with trace.use_span(span_of_user()):
                self.assertEqual(current_ids(), (f"{0xABC:032x}", f"{0xDEF:016x}"))
            self.assertEqual(current_ids(), attempt_ids(TASK))

    def test_leaves_a_named_context_alone(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            self.assertIs(trace.get_current_span(Context()), trace.INVALID_SPAN)

    def test_does_not_take_an_earlier_attempt_for_this_one(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            token = context_api.attach(baggage.set_baggage("a", "b"))  # and never detached by careless code
            ray.core.run(OTHER_TASK)
            self.assertEqual((baggage.get_baggage("a"), current_ids()), ("b", attempt_ids(OTHER_TASK)))
            context_api.detach(token)

    def test_leaves_what_a_thread_was_given(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            given = context_api.get_current()

            def work():
                token = context_api.attach(given)
                try:
                    return current_ids()
                finally:
                    context_api.detach(token)

            self.assertEqual(in_thread(work), attempt_ids(TASK))

    def test_has_nothing_to_add_in_a_thread_of_unknown_origin(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            self.assertIs(in_thread(trace.get_current_span), trace.INVALID_SPAN)

    def test_never_raises(self):
        with FakeRay() as ray:
            ray.core.run(TASK)
            ray.core.error = RuntimeError("the core worker is gone")
            self.assertIs(trace.get_current_span(), trace.INVALID_SPAN)

    def test_is_not_asked_by_itself(self):
        """A log handler that asks for the current span, and a warning on the way to it."""
        asked = []

        class Handler(logging.Handler):
            def emit(self, record):
                asked.append(trace.get_current_span())

        handler = Handler()
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)
        with FakeRay() as ray:
            ray.core.metadata = {**CALLER, "tracestate": "no such form"}
            ray.core.run(TASK)
            self.assertEqual(current_ids(), attempt_ids(TASK, trace_id="0af7651916cd43dd8448eb211c80319c"))
        self.assertEqual(asked, [trace.INVALID_SPAN])


if __name__ == "__main__":
    unittest.main()
