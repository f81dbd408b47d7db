import hashlib
import unittest
from unittest import mock

import vectors

from ray_otel_bridge import ids


class Ids(unittest.TestCase):
    def test_are_those_of_the_published_vectors(self):
        for vector in vectors.read("identity"):
            with self.subTest(vector["kind"], parts=vector["parts"]):
                kind, session, parts = vector["kind"], vector["session"], vector["parts"]
                make = ids.trace_id if kind.startswith("trace.") else ids.span_id
                self.assertEqual(make(kind, session, *parts), vector["id"])

    def test_have_names_for_what_user_code_needs(self):
        by_kind = {"trace.job": ids.job_trace_id, "job": ids.job_span_id, "task": ids.task_span_id}
        seen = set()
        for vector in vectors.read("identity"):
            if vector["kind"] in by_kind:
                seen.add(vector["kind"])
                self.assertEqual(by_kind[vector["kind"]](vector["session"], *vector["parts"]), vector["id"])
        self.assertEqual(seen, set(by_kind))

    def test_are_never_all_zero(self):
        with mock.patch.object(hashlib, "sha256", return_value=mock.Mock(hexdigest=lambda: "0" * 64)):
            self.assertEqual(ids.span_id("task", "s"), "0" * 14 + "01")
            self.assertEqual(ids.trace_id("trace.job", "s"), "0" * 30 + "01")


if __name__ == "__main__":
    unittest.main()
