"""Answer: what a formula says before it is published as a figure. Numbers here are not rounded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from app.domain.figure import Caveat, Interval, Status
from app.domain.metrics.intervals import wilson


@dataclass(frozen=True, slots=True)
class Answer:
    """A value with its parts, or a status that says why there is none. `unit` overrides the unit of the row."""

    status: Status = Status.OK
    value: Decimal | date | str | None = None
    reason: str | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    n_people: int | None = None
    interval: Interval | None = None
    basis: str | None = None
    caveats: tuple[Caveat, ...] = ()
    unit: str | None = None

    def noting(self, *caveats: Caveat | None) -> Answer:
        """Return the answer with further caveats; None stands for a caveat that does not arise."""
        return replace(self, caveats=self.caveats + tuple(caveat for caveat in caveats if caveat))

    def on_basis(self, basis: str) -> Answer:
        """Return the answer with the name of how its inputs were taken."""
        return replace(self, basis=basis)


def caveat(code: str, detail: str, *, when: object = True) -> Caveat | None:
    """Return the caveat, or None where `when` is falsy (a count of zero, an absent note)."""
    return Caveat(code, detail) if when else None


def no_data(reason: str, **parts: int | Decimal | None) -> Answer:
    """Say that nothing has been observed yet."""
    return _without_value(Status.NO_DATA, reason, parts)


def not_applicable(reason: str, **parts: int | Decimal | None) -> Answer:
    """Say that the question does not arise for these inputs (0/0, a progress without a distance)."""
    return _without_value(Status.NOT_APPLICABLE, reason, parts)


def insufficient(reason: str, **parts: int | Decimal | None) -> Answer:
    """Say that something has been observed, but too little to answer."""
    return _without_value(Status.INSUFFICIENT, reason, parts)


def inconsistent(reason: str, **parts: int | Decimal | None) -> Answer:
    """Say that the inputs contradict each other."""
    return _without_value(Status.INCONSISTENT, reason, parts)


def _without_value(status: Status, reason: str, parts: dict[str, int | Decimal | None]) -> Answer:
    n_people = parts.get("n_people")
    return Answer(
        status=status,
        reason=reason,
        numerator=_decimal(parts.get("numerator")),
        denominator=_decimal(parts.get("denominator")),
        n_people=None if n_people is None else int(n_people),
    )


def _decimal(value: int | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def quotient(part: Decimal | int, whole: Decimal | int, *, n_people: int | None = None) -> Answer:
    """Return part / whole under G2: 0/0 is not applicable, x/0 is inconsistent, both without a value."""
    if whole == 0:
        if part == 0:
            return not_applicable(
                "nothing to divide by: the denominator is 0", numerator=part, denominator=whole, n_people=n_people
            )
        return inconsistent("the numerator is not 0 but the denominator is", numerator=part, denominator=whole)
    top, bottom = Decimal(part), Decimal(whole)
    return Answer(value=top / bottom, numerator=top, denominator=bottom, n_people=n_people)


def share(part: int, whole: int, *, people: bool = False) -> Answer:
    """Return the proportion part / whole of whole things with its Wilson 95 % interval (G11).

    `part` counts a subset of `whole`, so a larger part is inconsistent. With `people`, `whole` counts people.
    """
    answer = quotient(part, whole, n_people=whole if people else None)
    if answer.status is not Status.OK:
        return answer
    if part > whole:
        return inconsistent(
            f"a part of {part} cannot be larger than the whole of {whole}", numerator=part, denominator=whole
        )
    return replace(answer, interval=wilson(part, whole))
