"""Values that lie about their type."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.learning import Identity, IdentityKind
from app.lms import Unreadable
from app.lms._people import account, email, full_name, learner
from app.lms._values import activity, duration_seconds, identifier, number, percentage, scaled, share, text, truth


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("EMP 7", "EMP 7"),
        (" x ", " x "),
        (4102, "4102"),
        (4102.0, "4102"),
        (0.5, "0.5"),
        (2**70, str(2**70)),
        ("", None),
        ("  ", None),
        (None, None),
        (True, None),
        ([], None),
        (float("inf"), None),
    ],
)
def test_text_is_kept_exactly_and_numbers_become_their_digits(told, expected):
    assert text(told) == expected


def test_an_id_that_is_too_long_or_no_text_is_unreadable():
    assert identifier("é" * 1_000, "course") == "é" * 1_000
    for value in ("é" * 1_001, {"id": 1}, []):
        with pytest.raises(Unreadable, match="course"):
            identifier(value, "course")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("92.0", Decimal(92)),
        ("92 %", Decimal(92)),
        (0.1, Decimal("0.1")),
        (1 / 3, Decimal("0.333333")),
        ("1e2", Decimal(100)),
        (-0.0, Decimal(0)),
        ("OK", None),
        ("None", None),
        ("", None),
        (True, None),
        ("1e200000", None),
        ("NaN", None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_numbers_are_exact_to_six_places_and_never_out_of_range(told, expected):
    assert number(told) == expected


@pytest.mark.parametrize(
    ("raw", "low", "high", "expected"),
    [
        (8, 0, 20, "0.4"),
        (4, 1, 5, "0.75"),
        (12, None, 10, "1"),
        (5, 0, 0, None),
        (-1, 0, 10, None),
        (5, None, None, None),
    ],
)
def test_a_score_is_scaled_between_its_bounds(raw, low, high, expected):
    bounds = [None if one is None else Decimal(one) for one in (raw, low, high)]

    assert scaled(*bounds) == (None if expected is None else Decimal(expected))


def test_shares_lie_between_nothing_and_all():
    assert percentage("24.0") == Decimal("0.24")
    assert share(1.0) == 1
    assert share(1.1) is None
    assert percentage(-1) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (True, True),
        ("True", True),
        (1, True),
        ("passed", True),
        (0, False),
        ("0.0", False),
        ("No", False),
        ("maybe", None),
        (None, None),
        (2, None),
    ],
)
def test_words_and_digits_are_verdicts(told, expected):
    assert truth(told) is expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("PT38M12.5S", 2292),
        ("PT38M13.5S", 2294),
        ("P1DT1H", 90_000),
        ("P2W", 1_209_600),
        ("P1Y1M", 34_128_000),
        ("00:42:10", 2530),
        ("1835.27", 1835),
        (1835.5, 1836),
        ("P", None),
        ("PT", None),
        ("-PT5S", None),
        ("P99999Y", None),
        ("", None),
        (None, None),
        ("PT" + "9" * 100 + "S", None),
    ],
)
def test_durations_are_whole_seconds(told, expected):
    assert duration_seconds(told) == expected


def test_an_activity_keeps_its_other_names_once():
    found = activity(3311, title="x" * 900, aliases=("3311", 7, None, "7"))

    assert (found.external_id, found.aliases, len(found.title)) == ("3311", ("7",), 500)


@pytest.mark.parametrize("told", ["no address", "", None, 7, "a b@example.org"])
def test_what_is_no_address_is_no_email(told):
    assert email(told) is None


def test_names_are_kept_once_in_order_and_at_least_one_is_needed():
    names = learner(account(7), None, email("A@Example.org"), account("7"))

    assert names == (Identity(IdentityKind.ACCOUNT, "7"), Identity(IdentityKind.EMAIL, "a@example.org"))
    with pytest.raises(Unreadable, match="learner"):
        learner(None, account(None), email("x"))


def test_a_full_name_leaves_out_what_is_missing():
    assert full_name(None, " Ito ", "") == "Ito"
    assert full_name(None, "") is None


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())))
def test_every_reader_takes_every_value(told):
    found = number(told)
    assert found is None or (found.is_finite() and -found.as_tuple().exponent <= 6)
    assert truth(told) in {True, False, None}
    seconds = duration_seconds(told) if not isinstance(told, list) else None
    assert seconds is None or 0 <= seconds < 2**31
