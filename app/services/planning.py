"""Planning: power of a comparison, rollouts dealt by chance. Pure arithmetic of the engine, imported at first use."""

import math
from dataclasses import replace

from app.domain.errors import Invalid
from app.models.power import PowerRead, PowerWrite, RepeatedMeasures, UnitsNeeded

_WEAK = 0.5


def power(asked: PowerWrite) -> PowerRead:
    """Return what a comparison could find. Raises Invalid."""
    try:
        return _power(asked)
    except Invalid as error:
        raise _placed(error) from error


def _placed(error: Invalid) -> Invalid:
    """Return an error of the engine with pointers into the request."""
    inner = {f"/{name}" for name in RepeatedMeasures.model_fields}
    faults = tuple(
        replace(fault, pointer=f"/repeated{fault.pointer}") if fault.pointer in inner else fault
        for fault in error.errors
    )
    return Invalid(error.detail, errors=faults)


def _power(asked: PowerWrite) -> PowerRead:
    from app.domain.impact import power as engine  # noqa: PLC0415  the engine is imported at first use

    repeated = None
    if asked.repeated is not None:
        told = asked.repeated
        repeated = engine.Repeated(
            before=told.before,
            after=told.after,
            rho=told.rho,
            serial=engine.Serial(told.serial.value),
            analysis=engine.Analysis(told.analysis.value),
        )
    sized = asked.treated is not None and asked.control is not None
    planned = engine.Comparison(
        treated=asked.treated or 1.0,
        control=asked.control or asked.ratio,
        sd=asked.sd,
        alpha=asked.alpha,
        cluster_size=asked.cluster_size,
        cluster_size_cv=asked.cluster_size_cv,
        icc=asked.icc,
        repeated=repeated,
        normal=asked.normal,
    )
    needed = None
    if asked.effect is not None:
        exact = engine.units_needed(planned, asked.effect, wanted=asked.power)
        others = exact * planned.control / planned.treated
        needed = UnitsNeeded(treated=math.ceil(exact), control=math.ceil(others), exact_treated=exact)
    found = engine.power(planned, asked.effect) if sized and asked.effect is not None else None
    smallest = engine.smallest_effect(planned, wanted=asked.power) if sized else None
    return PowerRead(
        power=found,
        smallest_effect=smallest,
        units_needed=needed,
        standard_error=planned.standard_error if sized else None,
        multiple=None if smallest is None else smallest / planned.standard_error,
        df=planned.df if sized else None,
        design_effect=planned.design_effect,
        exaggeration=engine.exaggeration(found, alpha=asked.alpha)
        if found is not None and asked.alpha < found < 1.0
        else None,
        caveats=_caveats(asked, found),
    )


def _caveats(asked: PowerWrite, found: float | None) -> list[str]:
    caveats = []
    if found is not None and found < _WEAK:
        caveats.append(
            "Under 50 % power, an effect that shows is far too large on average: do not call it significant."
        )
    if asked.cluster_size > 1.0 and asked.icc == 0.0:
        caveats.append("Clusters without correlation inside them are rare: give icc.")
    if asked.repeated is not None and asked.repeated.rho == 0.0 and asked.repeated.before + asked.repeated.after > 1:
        caveats.append("Periods without serial correlation make the detectable effect look far too small: give rho.")
    return caveats
