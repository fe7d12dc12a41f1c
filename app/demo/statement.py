"""The statement: what the service answers about the study, printed with where every number can be followed."""

from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from app.demo.arrangement import PLANNED, Api, Arranged

_NAIVE = {
    "estimators": ["completers_vs_others"],
    "options": {"transform": "log", "standard_error": "classical", "periods": ["1988-01-01"]},
}
_OF_INITIATIVE = ("participation_rate", "completion_rate")
_OF_OUTCOME = ("progress", "improvement_rel")


async def show(api: Api, arranged: Arranged, console: Console, base_url: str) -> None:
    """Ask the service and print what it answers."""
    learning = (await api.get(f"/v1/initiatives/{arranged.initiative}/figures"))["items"]
    business = (await api.get(f"/v1/outcomes/{arranged.outcome}/figures"))["items"]
    figures = [figure for figure in learning if figure["metric"] in _OF_INITIATIVE]
    figures += [figure for figure in business if figure["metric"] in _OF_OUTCOME]
    grant = await _estimate(api, arranged, PLANNED)
    naive = await _estimate(api, arranged, _NAIVE)
    console.print()
    console.rule("Did the training grant cut scrap? Michigan, 1987 to 1988")
    console.print()
    console.print(_figures(figures))
    console.print()
    console.print(_effects(grant, naive))
    console.print()
    console.print(f"[bold]{grant['statement']}[/bold]")
    console.print(f"Evidence grade {grant['grade']} of 5; the words it allows: “{grant['words']}”. Because:")
    for reason in grant["reasons"]:
        console.print(f"  {reason['detail']}")
    console.print()
    explained = next(each["explain"] for each in figures if each["metric"] == "participation_rate")
    console.print(f"REST reference   {base_url}/docs")
    console.print(f"GraphQL console  {base_url}/graphql-console")
    console.print(f"Follow a figure  {base_url}{explained}", soft_wrap=True)


async def _estimate(api: Api, arranged: Arranged, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the service's estimate; one that it computed before is not computed again."""
    about = {"initiative_id": arranged.initiative, "outcome_id": arranged.outcome}
    known = (await api.get("/v1/effect-estimates", **about, limit=200))["items"]
    made = [row for row in known if row["request"]["estimators"] == asked["estimators"]]
    row = made[-1] if made else await api.post("/v1/effect-estimates", about | _asked_of(asked))
    answer: dict[str, Any] = row["results"][0]
    return answer


def _asked_of(plan: dict[str, Any]) -> dict[str, Any]:
    """Return what a plan asks the engine for."""
    return {name: plan[name] for name in ("estimators", "options")}


def _figures(figures: list[dict[str, Any]]) -> Table:
    table = Table("figure", "value", "from", "95 % interval", box=None, pad_edge=False)
    for figure in figures:
        variant = figure["parameters"].get("denominator")
        name = figure["metric"] + (f" of {variant}" if variant else "")
        parts = f"{_short(figure['numerator'])} / {_short(figure['denominator'])}" if figure["denominator"] else ""
        interval = figure["interval"]
        between = "" if interval is None else f"{_short(interval['low'])} to {_short(interval['high'])}"
        value = figure["status"] if figure["value"] is None else f"{_short(figure['value'])} {figure['unit']}"
        table.add_row(name, value, parts, between)
    return table


def _effects(grant: dict[str, Any], naive: dict[str, Any]) -> Table:
    table = Table("effect on log scrap rate", "estimate (s.e.)", "robust s.e.", "grade", box=None, pad_edge=False)
    rows = (
        ("the grant: change 1987 to 1988, 54 firms", grant),
        ("naive: firms with and without it, 1988", naive),
    )
    for name, result in rows:
        robust = [error for error in result["alternatives"] if error["kind"] != result["standard_error"]["kind"]]
        written = ", ".join(f"{error['value']:.3f} {error['kind']}" for error in robust if error["value"] is not None)
        estimate = f"{result['value']:.3f} ({result['standard_error']['value']:.3f})"
        table.add_row(name, estimate, written, str(result["grade"]))
    return table


def _short(text: str | None) -> str:
    """Return a decimal with three places at the most."""
    if text is None:
        return ""
    value = Decimal(text)
    return str(value) if value == value.to_integral_value() else f"{value:.3f}"
