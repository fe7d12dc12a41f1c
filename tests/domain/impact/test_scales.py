"""A grade on the scales that others use, by the table of impact.md 3.6."""

import pytest

from app.domain.impact import scales


@pytest.mark.parametrize(
    ("grade", "ratings"),
    [
        (5, ("5", "3", "without_reservations")),
        (4, ("4", "3", "with_reservations")),
        (3, ("3", "3", "with_reservations")),
        (2, ("2", "2", None)),
        (1, ("1", "2", "does_not_meet")),
        (0, (None, "1", None)),
    ],
)
def test_a_grade_is_told_on_every_scale_and_one_study_never_exceeds_what_it_can_show(grade, ratings):
    told = scales.of(grade)

    assert tuple(each["rating"] for each in told) == ratings
    assert all(each["words"] for each in told)
