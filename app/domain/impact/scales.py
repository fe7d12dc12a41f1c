"""Where a grade stands on the scales that others use (impact.md 3.6): it is never higher than one study reaches.

Maryland Scientific Methods Scale as the What Works Centre for Local Economic Growth spells it; Nesta's Standards of
Evidence (2012), whose levels 4 and 5 ask for replication and scale; What Works Clearinghouse, standards 4.1.
"""

from __future__ import annotations

_MARYLAND = (
    (None, "Not on the scale."),
    ("1", "The exposed compared with others, or with themselves before, without controls."),
    ("2", "A comparison with controls that may still differ."),
    ("3", "Before and after, for the exposed and for a comparison group."),
    ("4", "Chance decided nearly as it does in a trial."),
    ("5", "A randomised trial."),
)
_NESTA = (
    ("1", "An account of why it should work."),
    ("2", "Data show a change, not its cause."),
    ("2", "Data show a change, not its cause."),
    ("3", "A comparison group shows causality, in one study."),
    ("3", "A comparison group shows causality, in one study."),
    ("3", "A comparison group shows causality, in one study."),
)
_CLEARINGHOUSE = (
    (None, "Not rated."),
    ("does_not_meet", "Does not meet the standards."),
    (None, "Not rated."),
    ("with_reservations", "Meets the standards with reservations."),
    ("with_reservations", "Meets the standards with reservations."),
    ("without_reservations", "Meets the standards without reservations."),
)
_SCALES = {"maryland_sms": _MARYLAND, "nesta": _NESTA, "wwc": _CLEARINGHOUSE}


def of(grade: int) -> list[dict[str, str | None]]:
    """Return the rating of a grade (0 to 5) on each scale, and what it says there; None: it has none."""
    return [{"scale": name, "rating": rows[grade][0], "words": rows[grade][1]} for name, rows in _SCALES.items()]
