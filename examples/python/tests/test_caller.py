import unittest

import vectors

from ray_otel_bridge.caller import caller_of, parse_caller
from ray_otel_bridge.ids import job_trace_id
from ray_otel_bridge.sampling import is_sampled

SESSION = "session_2026-11-23_21-48-45_562596_3484"


class Caller(unittest.TestCase):
    def test_is_read_as_the_bridge_reads_it(self):
        for vector in vectors.read("caller"):
            with self.subTest(vector["why"]):
                expected = vector["caller"]
                caller = caller_of(vector["metadata"])
                if expected is None:
                    self.assertIsNone(caller)
                else:
                    self.assertEqual(caller, (expected["traceId"], expected["spanId"], expected["traceFlags"], expected.get("traceState")))

    def test_is_none_for_what_is_no_text(self):
        self.assertIsNone(parse_caller(None))
        self.assertIsNone(parse_caller(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))


class Sampling(unittest.TestCase):
    def test_decides_as_the_bridge_does(self):
        for vector in vectors.read("sampling"):
            with self.subTest(str(vector)):
                given = vector["caller"]
                flags = None if given is None else f"00-{given['traceId']}-b7ad6b7169203331-{given['traceFlags']:02x}"
                caller = parse_caller(flags)
                trace_id = job_trace_id(SESSION, "01000000") if caller is None else caller.trace_id
                self.assertEqual(is_sampled(trace_id, caller, vector["env"]), vector["sampled"])

    def test_keeps_all_with_a_setting_that_the_bridge_would_refuse(self):
        for ratio in ["half", "2", "-1", "nan"]:
            env = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": ratio}
            self.assertTrue(is_sampled("f" * 32, None, env))
        self.assertTrue(is_sampled("f" * 32, None, {"OTEL_TRACES_SAMPLER": "jaeger_remote"}))


if __name__ == "__main__":
    unittest.main()
