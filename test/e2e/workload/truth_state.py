"""Prints what Ray's state API knows of all tasks, as JSON. The address of the dashboard is the argument."""

import json
import sys

from ray.util.state import list_tasks

tasks = list_tasks(address=sys.argv[1], limit=10_000, detail=True, raise_on_missing_output=False)
print(json.dumps([{name: getattr(task, name) for name in ("task_id", "attempt_number", "name", "state", "type", "start_time_ms", "end_time_ms")} for task in tasks]))
