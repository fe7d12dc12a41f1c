"""Why a figure has no segments along a dimension: a sentence for each, declared by its family and shown to clients."""

from collections.abc import Mapping

from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE

_GROUPS = {"people": PEOPLE, "learning": LEARNING, "time": BUCKETS}

STATE = "it tells how things stand at an instant: ask with as_of for another one"
SUBJECTS = {
    "initiative": "initiatives are subjects of their own: ask for the figures of each",
    "outcome": "outcomes are subjects of their own: ask for the figures of each",
}
"""What holds of every figure that is not of an initiative and an outcome at once."""


def refuse(**sentences: str) -> Mapping[str, str]:
    """Return a sentence for each dimension; `people`, `learning` and `time` name a group, the later one holds."""
    found = dict(SUBJECTS)
    for name, sentence in sentences.items():
        found |= dict.fromkeys(_GROUPS.get(name, (name,)), sentence)
    return found


SETUP = refuse(
    people="it is about objectives and initiatives as they are set up, not about groups of people",
    learning="it is about objectives and initiatives as they are set up, not about single activities",
    time=STATE,
)
"""Of figures about how objectives and initiatives are set up."""

OFFERED = refuse(
    source="learning is offered to people whatever platform they use",
    content_version="learning is offered to people whatever the version of its contents",
)
"""Of figures whose denominator is an audience."""

MEASURED = refuse(
    role="a KPI is measured of the organisation and of org units, not of roles",
    wave="a KPI is measured of the organisation and of org units, not of waves",
    learning="a KPI is measured of the business, not of what is learned",
)
"""Of figures of outcomes."""

VALUED = refuse(
    people="an accepted effect and its cost are of the initiative as a whole: no part of either is any group's",
    learning="an accepted effect and its cost are of the initiative as a whole, not of single activities",
    time="an accepted effect is of its whole window, and no part of it is of a single period",
    outcome="the cost is of the initiative as a whole: annual_benefit tells the part of each outcome",
)
"""Of figures that set an accepted effect against a cost."""
