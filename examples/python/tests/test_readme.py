import ast
import re
import unittest
from pathlib import Path

import ray_otel_bridge

README = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")


class Readme(unittest.TestCase):
    def test_has_python_that_parses(self):
        blocks = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
        self.assertGreater(len(blocks), 3)
        for block in blocks:
            ast.parse(block)

    def test_names_what_there_is(self):
        named = set(re.findall(r"ray_otel_bridge\.([a-z_]+)", README)) - {"sdk"}
        self.assertLessEqual({"setup", "setup_with_sdk", "current_task_context", "caller_trace"}, named)
        self.assertLessEqual(named, set(ray_otel_bridge.__all__))


if __name__ == "__main__":
    unittest.main()
