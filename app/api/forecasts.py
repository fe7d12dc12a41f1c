"""`/v1/forecasts`, `/v1/status-overrides` and `/v1/personal-estimates`."""

from app.api.doors import Door
from app.services.forecasts import FORECASTS, STATUS_OVERRIDES
from app.services.personal_estimates import PERSONAL_ESTIMATES

forecasts = Door(FORECASTS, "/forecasts", "outcomes")
status_overrides = Door(STATUS_OVERRIDES, "/status-overrides", "outcomes")
personal_estimates = Door(PERSONAL_ESTIMATES, "/personal-estimates", "outcomes")
personal_estimates.batching()

routers = (forecasts.full(), status_overrides.full(), personal_estimates.full())
