"""Write the catalogue with its vectors for other tools: PYTHONPATH=. python tests/domain/metrics/export_vectors.py."""

from __future__ import annotations

import json
from pathlib import Path

from app.domain.metrics import catalogue

GOLDEN = Path(__file__).parents[2] / "golden" / "metric-vectors.json"


def exported() -> str:
    return json.dumps(catalogue(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(exported(), encoding="utf-8")
