"""The metric catalogue: one pure function per metric and one row in METRICS.

    evaluate("completion_rate", {"audience": 40, "completed_in_audience": 31}, {"denominator": "audience"})

returns an unplaced Figure; `Figure.about` gives it subject, instant and period. Inputs come in JSON form or as their
Python counterparts (Decimal, date, datetime, Money, the record classes).
"""

from app.domain.metrics.catalogue import METRICS, catalogue, evaluate, metric
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector

__all__ = [
    "METRICS",
    "Input",
    "InputType",
    "Metric",
    "Parameter",
    "Standing",
    "Vector",
    "catalogue",
    "evaluate",
    "metric",
]
