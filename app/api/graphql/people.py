"""People, their identities, the organisation and audiences in the graph."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.figures import figures_of
from app.api.graphql.nodes import Entry, Node, entry, one
from app.services.audiences import AUDIENCES, MEMBERS
from app.services.branches import Link
from app.services.enrolments import ENROLMENTS
from app.services.events import EVENTS
from app.services.org_units import ORG_UNITS
from app.services.outcomes import OUTCOMES
from app.services.people import IDENTITIES, PEOPLE


@entry(PEOPLE)
class PersonNode(Node):
    """A person as known."""

    name: auto
    role: auto
    joined_on: auto
    left_on: auto
    status: auto
    resolved: auto
    external_id: auto
    org_unit = one("org_unit_id")
    identities = many(IDENTITIES, "person_id", "The names under which sources know the person.")
    enrolments = many(ENROLMENTS, "person_id", "The person's attempts at activities.")
    audiences = many(
        AUDIENCES,
        "person_id",
        "The audiences that the person belongs to.",
        link=Link(MEMBERS, "person_id", "audience_id"),
    )


@entry(IDENTITIES)
class IdentityNode(Node):
    """A name under which a source knows a person."""

    issuer: auto
    kind: auto
    value: auto
    person = one("person_id")
    learning_events = many(EVENTS, "identity_id", "Events that came under this name.")


@entry(ORG_UNITS)
class OrgUnitNode(Node):
    """A node of the organisation tree."""

    name: auto
    kind: auto
    external_id: auto
    parent = one("parent_id")
    children = many(ORG_UNITS, "parent_id", "The units below it.")
    people = many(PEOPLE, "org_unit_id", "Who works there now; not those of the units below.")
    outcomes = many(OUTCOMES, "org_unit_id", "Outcomes of this unit.")
    figures = figures_of("org_unit")


@entry(AUDIENCES)
class AudienceNode(Node):
    """Who should learn: named and dated."""

    name: auto
    external_id: auto
    initiative = one("initiative_id")
    members = many(MEMBERS, "audience_id", "The people in it, with their dates.")


@entry(MEMBERS)
class AudienceMemberNode(Entry):
    """One person of an audience."""

    offered_on: auto
    due_on: auto
    wave: auto
    person = one("person_id")
    audience = one("audience_id", "The audience.")
