"""Critical behaviours, observations of them, and the deeds of managers that help them along."""

from app.models.behaviours import (
    Behaviour,
    BehaviourRead,
    BehaviourWrite,
    Observation,
    ObservationRead,
    ObservationWrite,
    SupportDeed,
    SupportDeedRead,
    SupportDeedWrite,
)
from app.services.nouns import NounType

BEHAVIOURS = NounType(
    row=Behaviour,
    write=BehaviourWrite,
    read=BehaviourRead,
    plural="behaviours",
    search=("title", "criterion", "external_id"),
    filters=("initiative_id", "outcome_id", "external_id"),
    sorts=("created_at", "recorded_at", "title"),
    fixed=frozenset({"initiative_id"}),
)

OBSERVATIONS = NounType(
    row=Observation,
    write=ObservationWrite,
    read=ObservationRead,
    plural="observations",
    filters=("behaviour_id", "person_id", "at_criterion", "observer", "observer_id", "external_id"),
    sorts=("created_at", "recorded_at", "observed_on"),
    ranges=("observed_on",),
    fixed=frozenset({"behaviour_id", "person_id"}),
)

SUPPORT_DEEDS = NounType(
    row=SupportDeed,
    write=SupportDeedWrite,
    read=SupportDeedRead,
    plural="support_deeds",
    filters=("initiative_id", "person_id", "manager_id", "deed", "done", "external_id"),
    sorts=("created_at", "recorded_at", "noted_on"),
    ranges=("noted_on",),
    fixed=frozenset({"initiative_id", "person_id", "deed"}),
)
