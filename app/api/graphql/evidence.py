"""What people say, do and promise in the graph: surveys, critical behaviours, commitments."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, one
from app.services.behaviours import BEHAVIOURS, OBSERVATIONS, SUPPORT_DEEDS
from app.services.commitments import COMMITMENTS
from app.services.surveys import SURVEY_RESPONSES, SURVEYS


@entry(SURVEYS)
class SurveyNode(Node):
    """What was asked of whom."""

    title: auto
    moment: auto
    respondent: auto
    asks: auto
    invited: auto
    minimum_responses: auto
    opens_on: auto
    closes_on: auto
    external_id: auto
    initiative = one("initiative_id")
    activity = one("activity_id")
    responses = many(SURVEY_RESPONSES, "survey_id", "The answers, without comments.")


@entry(SURVEY_RESPONSES)
class SurveyResponseNode(Node):
    """One person's answers to a survey, without the comment."""

    answered_on: auto
    recommend: auto
    intent: auto
    planned_percent: auto
    within_six_weeks: auto
    applied: auto
    goal_agreed: auto
    chance_given: auto
    follow_up_held: auto
    external_id: auto
    survey = one("survey_id")
    person = one("person_id")


@entry(BEHAVIOURS)
class BehaviourNode(Node):
    """A critical behaviour: one of the few actions on the job that move the KPI."""

    title: auto
    criterion: auto
    external_id: auto
    initiative = one("initiative_id")
    outcome = one("outcome_id")
    observations = many(OBSERVATIONS, "behaviour_id", "Who was seen to do it, or not to.")


@entry(OBSERVATIONS)
class ObservationNode(Node):
    """Whether one person showed a critical behaviour at its criterion on one day."""

    observed_on: auto
    at_criterion: auto
    observer: auto
    external_id: auto
    behaviour = one("behaviour_id")
    person = one("person_id")
    observed_by = one("observer_id")


@entry(SUPPORT_DEEDS)
class SupportDeedNode(Node):
    """Whether a manager did one of three deeds for one learner."""

    deed: auto
    done: auto
    noted_on: auto
    external_id: auto
    initiative = one("initiative_id")
    person = one("person_id")
    manager = one("manager_id")


@entry(COMMITMENTS)
class CommitmentNode(Node):
    """What a stakeholder promised to do for an initiative."""

    role: auto
    promise: auto
    due_on: auto
    kept_on: auto
    status: auto
    external_id: auto
    initiative = one("initiative_id")
    agreement = one("agreement_id")
    stakeholder = one("stakeholder_id")
