"""`/v1/forecasts`, `/v1/status-overrides` and `/v1/personal-estimates`."""

from app.api.doors import Door
from app.services.batches import put_in_bulk
from app.services.forecasts import FORECASTS, STATUS_OVERRIDES
from app.services.personal_estimates import PERSONAL_ESTIMATES

forecasts = Door(FORECASTS, "/forecasts", "outcomes")
status_overrides = Door(STATUS_OVERRIDES, "/status-overrides", "outcomes")
personal_estimates = Door(PERSONAL_ESTIMATES, "/personal-estimates", "outcomes")

routers = (forecasts.full(), status_overrides.full(), personal_estimates.full(put_in_bulk))
