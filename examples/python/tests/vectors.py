"""The vectors that this package shares with the bridge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FIXTURES = Path(__file__).resolve().parents[3] / "test" / "fixtures"


def read(name: str) -> list[dict[str, Any]]:
    vectors = json.loads((_FIXTURES / f"{name}-vectors.json").read_text("utf-8"))
    assert vectors, f"no {name} vectors"
    return vectors
