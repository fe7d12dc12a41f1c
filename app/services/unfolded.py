"""Inputs of a figure unfolded: each with the facts that it was read from, page by page, or why none are listed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.metrics.catalogue import metric
from app.models.figures import ExplainedInput, plain
from app.services.figures import Computed
from app.services.inputs import Link

_PATHS = {
    "measurement": ("mea", "measurements"),
    "outcome": ("out", "outcomes"),
    "kpi": ("kpi", "kpis"),
    "objective": ("obj", "objectives"),
    "initiative": ("ini", "initiatives"),
    "alignment": ("aln", "alignments"),
    "agreement": ("agr", "agreements"),
    "cost_item": ("cst", "cost-items"),
    "unit_value": ("uvl", "unit-values"),
    "impact_statement": ("stm", "impact-statements"),
    "effect_estimate": ("eff", "effect-estimates"),
    "forecast": ("fct", "forecasts"),
    "personal_estimate": ("est", "personal-estimates"),
    "status_override": ("ovr", "status-overrides"),
    "source": ("src", "sources"),
    "review": ("rev", "reviews"),
    "action": ("atn", "actions"),
    "commitment": ("cmt", "commitments"),
    "content_version": ("cnv", "content-versions"),
    "survey": ("sur", "surveys"),
    "survey_response": ("srv", "survey-responses"),
    "behaviour": ("beh", "behaviours"),
    "observation": ("obs", "observations"),
    "support_deed": ("dee", "support-deeds"),
    "assessment_score": ("asc", "assessment-scores"),
    "enrolment": ("enr", "enrolments"),
    "proficiency_standard": ("prs", "proficiency-standards"),
    "standard_attainment": ("sat", "standard-attainments"),
    "audience": ("aud", "audiences"),
    "activity": ("act", "activities"),
    "requirement": ("req", "requirements"),
    "evaluation_plan": ("pln", "evaluation-plans"),
    "published_figure": ("pub", "published-figures"),
}
_OF_EVENTS = "It was counted from the learning events that are listed with this explanation."
_OF_PEOPLE = "It was counted from records of single people, which are not listed one by one."
_OF_NOTHING = "No fact was found that counts for it."
_IN_TOTAL = "It was read from the records of the subject as a whole, which are not listed one by one."
_OF_NO_FACT = {
    "cost_basis": "It says how costs are counted, and is no fact.",
    "on": "It is the day that the figure is of.",
    "now": "It is the instant that the figure is of.",
    "policy_rate": "It is a setting of the organisation: evaluation_policy.",
    "employees": "It was counted from the days on which people were employed, who are not listed one by one.",
}
"""Inputs that are never read from facts that have an address."""


async def links_of(session: AsyncSession, computed: Computed) -> dict[str, Sequence[Link] | str]:
    """Return for each input of a figure the facts that it was read from, or the reason why they are not listed.

    As many queries at the most as the family has nouns that it counts rows of.
    """
    listed = {} if computed.behind is None else await computed.behind(session)
    return {name: _of_input(computed, name, listed.get(name, ())) for name in computed.inputs}


def _of_input(computed: Computed, name: str, listed: Sequence[Link] | str) -> Sequence[Link] | str:
    own = computed.links.get(name, ())
    if isinstance(listed, str):
        return own or listed
    return [*own, *listed] or (() if name in _OF_NO_FACT else computed.about)


async def inputs_of(session: AsyncSession, computed: Computed) -> list[ExplainedInput]:
    """Return every input of a figure with its value, its description and all facts that it was read from, by age.

    An input without such facts says why. The queries are those of `links_of`.
    """
    described = {each.name: each.description for each in metric(computed.figure.metric).inputs}
    links = await links_of(session, computed)
    return [
        _unfolded(computed, name, value, described[name], links[name])
        for name, value in computed.inputs.items()
        if name in described
    ]


def _unfolded(
    computed: Computed, name: str, value: Any, description: str, links: Sequence[Link] | str
) -> ExplainedInput:
    reason = links if isinstance(links, str) else None
    found = sorted({address(link) for link in links if not isinstance(link, str)}, key=key)
    if not found and reason is None:
        reason = _OF_NO_FACT.get(name) or _why_unlinked(computed, value)
    return ExplainedInput(
        name=name,
        value=plain(value),
        description=description,
        links=found,
        links_total=len(found),
        unlinked=reason,
    )


def _why_unlinked(computed: Computed, value: Any) -> str:
    if computed.events:
        return _OF_EVENTS
    if not value:
        return _OF_NOTHING
    return _OF_PEOPLE if computed.people else _IN_TOTAL


def address(link: Link) -> str:
    """Return the address of a fact."""
    return f"/v1/{_PATHS[link.noun][1]}/{public(link)}"


def public(link: Link) -> str:
    """Return the public id of a fact."""
    return ids.encode(prefix(link.noun), link.id)


def prefix(noun: str) -> str:
    """Return the prefix of the public ids of a noun."""
    return _PATHS[noun][0]


def key(link: str) -> str:
    """Return what orders addresses of facts by when these were made: public ids sort like that."""
    return link.rpartition("_")[2]


def page(inputs: Sequence[ExplainedInput], *, after: str | None, limit: int) -> tuple[list[ExplainedInput], str | None]:
    """Return the inputs with links to the next `limit` facts behind the place `after`, and the place of the last.

    None where no fact is left. A fact that several inputs were read from is on the same page for each.
    """
    places = sorted({key(link) for each in inputs for link in each.links if after is None or key(link) > after})
    here = set(places[:limit])
    shown = [each.model_copy(update={"links": [link for link in each.links if key(link) in here]}) for each in inputs]
    return shown, places[limit - 1] if len(places) > limit else None
