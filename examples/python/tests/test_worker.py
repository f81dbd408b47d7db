import os
import sys
import threading
import unittest
from types import SimpleNamespace
from unittest import mock

from fake_ray import FakeRay
from opentelemetry import context as context_api
from opentelemetry import trace

import ray_otel_bridge
from ray_otel_bridge import context, threads
from ray_otel_bridge.context import TaskRuntimeContext

try:
    from opentelemetry.sdk.trace import TracerProvider

    from ray_otel_bridge import sdk
except ImportError:
    sdk = None


class Setup(unittest.TestCase):
    def setUp(self):
        self.addCleanup(context.uninstall)
        self.addCleanup(threads.uninstall)

    def test_installs_both_parts_and_can_be_called_again(self):
        ray_otel_bridge.setup()
        ray_otel_bridge.setup()
        self.assertIsInstance(context_api._RUNTIME_CONTEXT, TaskRuntimeContext)
        self.assertNotIsInstance(context_api._RUNTIME_CONTEXT._inner, TaskRuntimeContext)
        self.assertTrue(hasattr(threading.Thread.start, threads._MARK))

    def test_never_raises_and_says_what_is_wrong(self):
        with mock.patch.object(context, "install", side_effect=RuntimeError("no")), self.assertLogs("ray_otel_bridge", "WARNING") as logs:
            ray_otel_bridge.setup()
        self.assertIn("no", logs.output[0])
        with mock.patch.object(context, "install", return_value=False), self.assertLogs("ray_otel_bridge", "WARNING") as logs:
            ray_otel_bridge.setup()
        self.assertIn("current_task_context()", logs.output[0])

    def test_with_sdk_does_the_rest_without_an_sdk(self):
        absent = mock.patch.dict(sys.modules, {"ray_otel_bridge.sdk": None})
        with absent, mock.patch.dict(vars(ray_otel_bridge)), self.assertLogs("ray_otel_bridge", "WARNING") as logs:
            vars(ray_otel_bridge).pop("sdk", None)
            ray_otel_bridge.setup_with_sdk()
        self.assertIn("not exported", logs.output[0])
        self.assertIsInstance(context_api._RUNTIME_CONTEXT, TaskRuntimeContext)


@unittest.skipIf(sdk is None, "needs opentelemetry-sdk")
class Sdk(unittest.TestCase):
    def configure(self, env):
        """The provider that is set, None where none is."""
        provider = []
        exporter = mock.Mock()
        load = mock.patch.object(sdk, "_load_exporter", return_value=exporter)
        with load as self.loaded, mock.patch.object(trace, "set_tracer_provider", provider.append):
            sdk.configure(env)
        return provider[0] if provider else None

    def test_is_configured_by_the_variables(self):
        with FakeRay() as ray:
            ray.core.metadata = {"ray_otel.service_name": "training"}
            provider = self.configure({"OTEL_TRACES_EXPORTER": "otlp,console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
            self.addCleanup(provider.shutdown)
        self.assertEqual([call.args[0] for call in self.loaded.mock_calls], ["otlp_proto_grpc", "console"])
        attributes = provider.resource.attributes
        self.assertEqual(attributes["service.name"], "training")
        self.assertEqual(attributes["ray.session_name"], "session_2026-11-23_21-48-45_562596_3484")
        self.assertEqual((len(attributes["ray.node_id"]), len(attributes["ray.worker_id"])), (56, 56))

    def test_sends_to_otlp_over_http_as_service_ray_by_default(self):
        provider = self.configure({})
        self.addCleanup(provider.shutdown)
        self.assertEqual(self.loaded.mock_calls[0].args[0], "otlp_proto_http")
        self.assertEqual(provider.resource.attributes["service.name"], "ray")

    def test_leaves_a_named_service_to_opentelemetry(self):
        for env in [{"OTEL_SERVICE_NAME": "mine"}, {"OTEL_RESOURCE_ATTRIBUTES": "a=b, service.name=mine"}]:
            with self.subTest(env), mock.patch.dict(os.environ, env):
                provider = self.configure(env)
                self.addCleanup(provider.shutdown)
                self.assertEqual(provider.resource.attributes["service.name"], "mine")

    def test_is_left_alone_where_it_is_disabled_or_set(self):
        self.assertIsNone(self.configure({"OTEL_SDK_DISABLED": "TRUE"}))
        with mock.patch.object(trace, "get_tracer_provider", return_value=TracerProvider()):
            self.assertIsNone(self.configure({}))

    def test_exports_nothing_with_none(self):
        self.assertEqual(sdk.exporter_names({"OTEL_TRACES_EXPORTER": "none"}), [])

    def test_names_an_exporter_that_is_not_installed(self):
        with self.assertRaisesRegex(LookupError, "no_such"):
            sdk._load_exporter("no_such")

    def test_finds_the_exporters_that_are(self):
        self.assertEqual(type(sdk._load_exporter("console")).__name__, "ConsoleSpanExporter")


@unittest.skipIf(sdk is None, "needs opentelemetry-sdk")
class Prompt(unittest.TestCase):
    def setUp(self):
        self.flushed = threading.Semaphore(0)
        self.batching = mock.Mock()
        self.batching.force_flush.side_effect = lambda *_: self.flushed.release()
        self.processor = sdk.PromptProcessor(self.batching, 0)
        self.addCleanup(self.processor.shutdown)

    def end(self, parent):
        span = SimpleNamespace(parent=parent)
        self.processor.on_end(span)
        return span

    def test_sends_when_the_outermost_span_ends(self):
        for parent in [SimpleNamespace(is_remote=True), None]:
            span = self.end(parent)
            self.assertTrue(self.flushed.acquire(timeout=30))
            self.batching.on_end.assert_called_with(span)

    def test_goes_on_when_sending_fails(self):
        def fail(*_):
            self.flushed.release()
            raise OSError("no backend")

        self.batching.force_flush.side_effect = fail
        for _ in range(2):
            self.end(None)
            self.assertTrue(self.flushed.acquire(timeout=30))

    def test_waits_while_a_span_is_inside_another(self):
        self.end(SimpleNamespace(is_remote=False))
        self.assertFalse(self.processor._wanted.is_set())

    def test_passes_everything_on(self):
        self.processor.on_start("span", "context")
        self.batching.on_start.assert_called_with("span", "context")
        self.processor.force_flush(5)
        self.batching.force_flush.assert_called_with(5)
        self.processor.shutdown()
        self.batching.shutdown.assert_called_with()
        self.processor._thread.join(30)
        self.assertFalse(self.processor._thread.is_alive())

    def test_is_not_more_often_than_the_interval(self):
        self.processor.shutdown()
        slow = sdk.PromptProcessor(self.batching, 3_600_000)
        self.addCleanup(slow.shutdown)
        slow.on_end(SimpleNamespace(parent=None))
        self.assertTrue(self.flushed.acquire(timeout=30))
        slow.on_end(SimpleNamespace(parent=None))
        self.assertTrue(slow._wanted.is_set())
        self.assertEqual(self.batching.force_flush.call_count, 1)


if __name__ == "__main__":
    unittest.main()
