"""Small groups of people are not shown: neither their raw means nor the effect on them (impact.md 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HIDDEN = ("value", "standard_error", "interval", "band", "p_value")


def protected(result: Mapping[str, Any], least: int) -> dict[str, Any]:
    """Return a result, as JSON values, in which nothing is shown of fewer than `least` people by themselves.

    Raw means of smaller cohorts become null; so do effects on smaller cohorts and cells, which say so in `suppressed`.
    """
    diagnostics = [protected_finding(one, least) for one in result["diagnostics"]]
    sizes: Mapping[str, int] = next(
        (one["values"]["cohorts"] for one in diagnostics if one["code"] == "composition"), {}
    )
    small = {label for label, count in sizes.items() if count < least}
    aggregations = [_protected_rows(one, small, least) for one in result["aggregations"]]
    return {**result, "diagnostics": diagnostics, "aggregations": aggregations}


def protected_finding(finding: Mapping[str, Any], least: int) -> dict[str, Any]:
    """Return a finding without the raw means of cohorts of fewer than `least` people."""
    cohorts: Sequence[Mapping[str, Any]] | None = finding["values"].get("cohorts")
    if finding["code"] != "raw_means" or cohorts is None:
        return dict(finding)
    shown = [{**one, "means": [None] * len(one["means"])} if one["units"] < least else dict(one) for one in cohorts]
    return {**finding, "values": {**finding["values"], "cohorts": shown}}


def _protected_rows(aggregation: Mapping[str, Any], small: set[str], least: int) -> dict[str, Any]:
    by_cohort = aggregation["kind"] in {"group", "cohort_period"}
    rows = [
        _hidden(row, least) if by_cohort and (str(row["at"]) in small or _few(row, least)) else row
        for row in aggregation["rows"]
    ]
    return {**aggregation, "rows": rows}


def _few(row: Mapping[str, Any], least: int) -> bool:
    counts = [row[name] for name in ("n_treated", "n_control") if row.get(name) is not None]
    return min(counts, default=least) < least


def _hidden(row: Mapping[str, Any], least: int) -> dict[str, Any]:
    said = row.get("suppressed") or f"fewer than {least} people"
    return {**row, **dict.fromkeys(_HIDDEN), "suppressed": said}
