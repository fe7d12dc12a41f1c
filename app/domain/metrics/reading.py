"""Reading inputs and parameters in JSON form against the row of a metric, with every fault and its pointer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.errors import Fault, Invalid
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Parameter
from app.domain.money import Money

# What the storage of exact numbers holds (decisions.md, "Exact numbers"); computed means may carry more digits.
LARGEST = Decimal(9_200_000_000_000)
_FINEST = -34
_LONGEST_TEXT = 400
_MOST_FAULTS = 50
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")


class _Unfit(Exception):
    """The raw value is not of the declared type. The message completes the sentence "expected ..."."""


@dataclass(slots=True)
class Reading:
    """What was read: keyword arguments of the formula, the parameters as published, and what is not known."""

    values: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    currencies: dict[str, str] = field(default_factory=dict)
    kpi_unit: str | None = None

    def blame(self, code: str, detail: str, pointer: str) -> None:
        """Note a fault; beyond 50 the further ones are not kept."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(code, detail, pointer=pointer))

    @property
    def currency(self) -> str | None:
        """The one currency of all money read, or None where there was none."""
        return next(iter(self.currencies), None)


def read(metric: Metric, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> Reading:
    """Read `inputs` and `parameters` for `metric`.

    JSON values and their Python counterparts (Decimal, date, datetime, Money, record classes) are both accepted.
    Raises Invalid with one fault per thing wrong, pointers relative to {"inputs": ..., "parameters": ...}.
    """
    reading = Reading()
    variant = _read_parameters(metric, parameters, reading)
    for item in metric.inputs:
        if item.variant in {None, variant}:
            _read_input(item, inputs, reading)
    _refuse_unknown(inputs, metric.inputs, "/inputs", reading)
    reading.kpi_unit = reading.values.pop(KPI_UNIT.name, None)
    if len(reading.currencies) > 1:
        first, second, *_ = reading.currencies
        reading.blame(
            "currency_mismatch",
            f"{second} stands beside {first}; convert to one currency first, amounts of two are never added",
            reading.currencies[second],
        )
    if reading.faults:
        raise Invalid(f"the inputs of {metric.slug} cannot be read", errors=tuple(reading.faults))
    return reading


def read_parameters(metric: Metric, parameters: Mapping[str, Any]) -> Reading:
    """Read the parameters alone. Raises Invalid like `read`."""
    reading = Reading()
    _read_parameters(metric, parameters, reading)
    if reading.faults:
        raise Invalid(f"the parameters of {metric.slug} cannot be read", errors=tuple(reading.faults))
    return reading


def _read_parameters(metric: Metric, parameters: Mapping[str, Any], reading: Reading) -> str | None:
    """Read the parameters and return the chosen variant, None for a metric without."""
    variant: str | None = None
    for parameter in metric.parameters:
        if parameter.variant in {None, variant}:
            _read_parameter(parameter, parameters.get(parameter.name), reading)
        if parameter.name == metric.variant_parameter:
            variant = reading.values[parameter.name]
    _refuse_unknown(parameters, metric.parameters, "/parameters", reading)
    return variant


def _read_parameter(parameter: Parameter, raw: Any, reading: Reading) -> None:
    pointer = f"/parameters/{parameter.name}"
    value = parameter.default if raw is None else _value(parameter, raw, pointer, reading)
    reading.values[parameter.name] = value
    reading.parameters[parameter.name] = _json(value)


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value


def _refuse_unknown(
    given: Mapping[str, Any], declared: Sequence[Input | Parameter], pointer: str, reading: Reading
) -> None:
    names = [item.name for item in declared]
    for name in given:
        if name not in names:
            known = f"known are {', '.join(names)}" if names else "there are none"
            reading.blame("unknown_field", f"there is no {name[:80]!r} here; {known}", f"{pointer}/{_escaped(name)}")


def _escaped(name: str) -> str:
    """Escape a JSON pointer token (RFC 6901, section 3)."""
    return name[:80].replace("~", "~0").replace("/", "~1")


def _read_input(item: Input, inputs: Mapping[str, Any], reading: Reading) -> None:
    raw = inputs.get(item.name)
    pointer = f"/inputs/{item.name}"
    if raw is not None:
        reading.values[item.name] = _value(item, raw, pointer, reading)
    elif not item.required:
        reading.values[item.name] = item.default
    elif item.name in inputs:
        reading.unknown.append(item.name)
    else:
        reading.blame(
            "missing_field", f"{item.name} is required; send null where it is not known: {item.description}", pointer
        )


def _value(item: Input | Parameter, raw: Any, pointer: str, reading: Reading) -> Any:
    if isinstance(item, Input) and item.type is InputType.RECORDS:
        return _records(item, raw, pointer, reading)
    try:
        value = _READERS[item.type](raw)
    except _Unfit as unfit:
        reading.blame("wrong_type", f"expected {unfit}", pointer)
        return None
    if item.allowed and value not in item.allowed:
        reading.blame("not_allowed", f"expected one of {', '.join(item.allowed)}", pointer)
    if isinstance(value, Money):
        reading.currencies.setdefault(value.currency, pointer)
    _check_bounds(item, value, pointer, reading)
    return value


def _check_bounds(item: Input | Parameter, value: Any, pointer: str, reading: Reading) -> None:
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            continue
        if item.low is not None and number < item.low:
            reading.blame("out_of_range", f"expected at least {item.low}", pointer)
        elif item.high is not None and number > item.high:
            reading.blame("out_of_range", f"expected at most {item.high}", pointer)


def _records(item: Input, raw: Any, pointer: str, reading: Reading) -> tuple[Any, ...]:
    if isinstance(raw, str) or not isinstance(raw, Sequence) or item.make is None:
        reading.blame("wrong_type", "expected a list of objects", pointer)
        return ()
    return tuple(_record(item, row, f"{pointer}/{index}", reading) for index, row in enumerate(raw))


def _record(item: Input, raw: Any, pointer: str, reading: Reading) -> Any:
    if isinstance(item.make, type) and isinstance(raw, item.make):
        for part in item.fields:
            if isinstance(amount := getattr(raw, part.name), Money):
                reading.currencies.setdefault(amount.currency, f"{pointer}/{part.name}")
        return raw
    if item.make is None or not isinstance(raw, Mapping):
        reading.blame("wrong_type", f"expected an object with {', '.join(part.name for part in item.fields)}", pointer)
        return None
    found = {}
    for part in item.fields:
        value = raw.get(part.name)
        if value is not None:
            found[part.name] = _value(part, value, f"{pointer}/{part.name}", reading)
        elif part.required:
            reading.blame("missing_field", f"{part.name} is required: {part.description}", f"{pointer}/{part.name}")
        else:
            found[part.name] = part.default
    _refuse_unknown(raw, item.fields, pointer, reading)
    return None if reading.faults else item.make(**found)


def _count(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= LARGEST:
        raise _Unfit("a whole number of 0 or more, like 25")
    return raw


def _decimal(raw: Any) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        raise _Unfit('a decimal as a string, like "12.5" (numbers with a fraction are not exact in JSON)')
    if isinstance(raw, str) and not _DECIMAL.fullmatch(raw):
        raise _Unfit('a plain decimal like "12.5", without exponent, spaces or separators')
    try:
        value = Decimal(raw)
    except InvalidOperation as error:
        raise _Unfit('a decimal like "12.5"') from error
    if not value.is_finite() or abs(value) > LARGEST or _exponent(value) < _FINEST:
        raise _Unfit(f"a finite decimal between -{LARGEST} and {LARGEST}")
    return value


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else _FINEST - 1


def _decimals(raw: Any) -> tuple[Decimal, ...]:
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        raise _Unfit('a list of decimals, like ["1.5", "2"]')
    return tuple(_decimal(value) for value in raw)


def _money(raw: Any) -> Money:
    if isinstance(raw, Money):
        return raw
    if not isinstance(raw, Mapping) or set(raw) != {"amount", "currency"}:
        raise _Unfit('an object like {"amount": "12.50", "currency": "EUR"}')
    try:
        return Money(_decimal(raw["amount"]), _text(raw["currency"]))
    except ValueError as error:
        raise _Unfit("a currency of three capital letters (ISO 4217)") from error


def _date(raw: Any) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if isinstance(raw, str) and _DATE.fullmatch(raw):
        try:
            return date.fromisoformat(raw)
        except ValueError as error:
            raise _Unfit("a date that exists, like 2026-01-31") from error
    raise _Unfit("a date like 2026-01-31")


def _datetime(raw: Any) -> datetime:
    value = raw
    if isinstance(raw, str):
        try:
            value = datetime.fromisoformat(raw)
        except ValueError as error:
            raise _Unfit("an instant like 2026-01-31T08:00:00Z") from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _Unfit("an instant with an offset, like 2026-01-31T08:00:00Z")
    return value.astimezone(UTC)


def _text(raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip() or len(raw) > _LONGEST_TEXT or not raw.isprintable():
        raise _Unfit(f"a text of 1 to {_LONGEST_TEXT} printable characters")
    return raw


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise _Unfit("true or false")
    return raw


_READERS: Mapping[InputType, Callable[[Any], Any]] = {
    InputType.COUNT: _count,
    InputType.DECIMAL: _decimal,
    InputType.MONEY: _money,
    InputType.DATE: _date,
    InputType.DATETIME: _datetime,
    InputType.TEXT: _text,
    InputType.FLAG: _flag,
    InputType.CHOICE: _text,
    InputType.DECIMALS: _decimals,
}
