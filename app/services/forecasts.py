"""Forecasts of outcomes, and overrides of their status."""

from app.models.forecasts import (
    Forecast,
    ForecastRead,
    ForecastWrite,
    StatusOverride,
    StatusOverrideRead,
    StatusOverrideWrite,
)
from app.services.nouns import NounType

FORECASTS = NounType(
    row=Forecast,
    write=ForecastWrite,
    read=ForecastRead,
    plural="forecasts",
    filters=("outcome_id", "author_id", "external_id"),
    sorts=("created_at", "recorded_at", "made_on", "for_on"),
    ranges=("made_on", "for_on"),
    fixed=frozenset({"outcome_id", "made_on", "for_on", "point", "low", "high", "level"}),
)

STATUS_OVERRIDES = NounType(
    row=StatusOverride,
    write=StatusOverrideWrite,
    read=StatusOverrideRead,
    plural="status_overrides",
    search=("reason",),
    filters=("outcome_id", "status", "author_id"),
    sorts=("created_at", "recorded_at", "from_on"),
    ranges=("from_on", "to_on"),
    fixed=frozenset({"outcome_id", "author_id"}),
)
