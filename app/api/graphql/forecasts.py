"""What people say about an outcome besides its target, in the graph."""

from strawberry import auto

from app.api.graphql.nodes import Node, entry, one
from app.services.forecasts import FORECASTS, STATUS_OVERRIDES
from app.services.personal_estimates import PERSONAL_ESTIMATES


@entry(FORECASTS)
class ForecastNode(Node):
    """What somebody expected of an outcome's KPI, and what came of it."""

    made_on: auto
    for_on: auto
    point: auto
    low: auto
    high: auto
    level: auto
    actual: auto
    external_id: auto
    outcome = one("outcome_id")
    author = one("author_id")


@entry(STATUS_OVERRIDES)
class StatusOverrideNode(Node):
    """A status that a person gives an outcome, beside the computed one."""

    status: auto
    reason: auto
    from_on: auto
    to_on: auto
    outcome = one("outcome_id")
    author = one("author_id")


@entry(PERSONAL_ESTIMATES)
class PersonalEstimateNode(Node):
    """What one person thinks an initiative did to an outcome."""

    role: auto
    change: auto
    share_rate: auto
    confidence_rate: auto
    all_shares_rate: auto
    given_on: auto
    external_id: auto
    initiative = one("initiative_id")
    outcome = one("outcome_id")
    survey = one("survey_id")
    person = one("person_id")
