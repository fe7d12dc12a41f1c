"""The functions that openapi-python-client made: creates, pages, reads figures, and branches on an error code."""

import os
import sys

from throughline_client import AuthenticatedClient
from throughline_client.api.changes import list_changes
from throughline_client.api.figures import get_initiative_figures
from throughline_client.api.initiatives import create_initiative
from throughline_client.api.objectives import create_objective, get_objective, list_objectives, update_objective
from throughline_client.models import (
    ChangePage,
    FigureList,
    InitiativeRead,
    InitiativeWrite,
    ObjectivePage,
    ObjectivePatch,
    ObjectiveRead,
    ObjectiveWrite,
    ProblemDetails,
    Status,
)
from throughline_client.types import UNSET, Unset

client = AuthenticatedClient(base_url=os.environ["THROUGHLINE_URL"], token=os.environ["THROUGHLINE_KEY"])
with client:
    made: list[ObjectiveRead] = []
    for number in range(3):
        body = ObjectiveWrite(title=f"Objective {number}", category="python")
        created = create_objective.sync(client=client, body=body, idempotency_key=f"client.py {number}")
        assert isinstance(created, ObjectiveRead), created
        made.append(created)

    titles: list[str] = []
    cursor: str | Unset = UNSET
    while True:
        page = list_objectives.sync(client=client, category=["python"], sort="title", limit=2, cursor=cursor)
        assert isinstance(page, ObjectivePage), page
        titles += [item.title for item in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert titles == ["Objective 0", "Objective 1", "Objective 2"]

    [first, *_] = made
    patch = ObjectivePatch(title="Another")
    changed = update_objective.sync(first.id, client=client, body=patch, if_match=f'"{first.version}"')
    assert isinstance(changed, ObjectiveRead), changed
    assert (changed.title, changed.priority, changed.parent_id) == ("Another", 3, None)
    stale = update_objective.sync(first.id, client=client, body=patch, if_match=f'"{first.version}"')
    assert isinstance(stale, ProblemDetails), stale
    assert stale.code == "precondition_failed"

    initiative = create_initiative.sync(client=client, body=InitiativeWrite(title="Training"))
    assert isinstance(initiative, InitiativeRead), initiative
    figures = get_initiative_figures.sync(initiative.id, client=client)
    assert isinstance(figures, FigureList), figures
    assert {figure.value for figure in figures.items if figure.status != Status.OK} == {None}

    missing = get_objective.sync("obj_01h455vb4pex5vsknk084sn02q", client=client)
    assert isinstance(missing, ProblemDetails), missing
    assert (missing.code, missing.status) == ("not_found", 404)
    feed = list_changes.sync(client=client, limit=200)
    assert isinstance(feed, ChangePage), feed
    assert initiative.id in {change.resource_id for change in feed.items}
sys.stdout.write("client.py: done\n")
