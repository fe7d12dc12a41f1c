"""The tenant and its change feed in the graph."""

from collections.abc import Awaitable, Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET, Info, auto
from strawberry.annotation import StrawberryAnnotation

from app.api.changes import cursor_of, place_of
from app.api.graphql.connections import After, Connection, First, check_first
from app.api.graphql.context import Graph, View
from app.api.graphql.figures import figures_of
from app.api.graphql.inputs import FIRST
from app.api.graphql.nodes import KINDS, NAMES, Node, entry, load
from app.api.graphql.scalars import computed
from app.models.tenancy import Change, ChangeRead, TenantRead
from app.services import changes, nouns, tenants
from app.services.changes import Resource
from app.services.identity_providers import IDENTITY_PROVIDERS
from app.services.nouns import NounType
from app.services.pages import Page
from app.services.tenants import SETTINGS

ResourceIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Only changes of the rows with these public ids; null: of all."),
]

CHANGES = NounType(row=Change, write=ChangeRead, read=ChangeRead, plural="changes", sorts=("position",))


@entry(SETTINGS)
class TenantNode(Node):
    """The organisation behind the key, with its settings."""

    zone: auto
    minimum_cohort: auto
    on_track_at: auto
    at_risk_at: auto
    stale_after: auto
    evaluation_policy: auto
    engagement: auto
    figures = figures_of("tenant")
    slug: str = computed(TenantRead.model_fields["slug"].description or "")
    name: str = computed(TenantRead.model_fields["name"].description or "")

    def get_slug(self) -> str:
        """Return the immutable name."""
        return self.view.graph.principal.tenant.slug

    def get_name(self) -> Awaitable[str]:
        """Return the name, which has no history."""
        return self.view.load("tenant name", _names, self.row.id)


async def _names(session: AsyncSession, tenant_ids: list[UUID]) -> Sequence[str]:
    return [(await tenants.read(session, tenant_id)).name for tenant_id in tenant_ids]


@entry(IDENTITY_PROVIDERS)
class IdentityProviderNode(Node):
    """An issuer of access tokens that the tenant trusts."""

    name: auto
    issuer: auto
    audience: auto
    jwks_url: auto
    algorithms: auto
    scope_claim: auto
    grants: auto
    required_claims: auto
    max_lifetime_seconds: auto
    description: auto
    status: auto
    last_used_at: auto


@entry(CHANGES, "ordinal", "noun", "noun_id", "verb")
class ChangeNode(Node):
    """One entry of the change feed."""

    prefix = "chg"

    type: str = computed(ChangeRead.model_fields["type"].description or "")
    resource_id: str = computed(ChangeRead.model_fields["resource_id"].description or "")
    version: auto
    recorded_at: auto
    resource: Node | None = computed("What changed, as it stands now.")

    def get_type(self) -> str:
        """Return noun and verb."""
        return changes.shown(self.row).type

    def get_resource_id(self) -> str:
        """Return the public id of what changed."""
        return changes.shown(self.row).resource_id

    def get_resource(self) -> Awaitable[Any] | None:
        """Return the node of what changed, where it has one."""
        kind = KINDS.get(self.row.noun)
        noded = kind is not None and issubclass(kind.node, Node)
        return load(self.view, self.row.noun, self.row.noun_id) if noded else None


class Feed:
    """One page of the change feed; its cursors are those of `GET /v1/changes`."""

    def __init__(self, view: View, first: int, after: str | None, about: Sequence[Resource] = ()) -> None:
        self.after = after
        self._about = tuple(about)
        self._view = view
        self._first = first
        self._slug = view.graph.principal.tenant.slug

    async def page(self) -> Page[Any]:
        """Return the entries behind the place, oldest first."""
        found: Page[Any] = await self._view.load(("changes", self.after, self._first, self._about), self._pages, None)
        return found

    async def count(self) -> int:
        """Return how many entries the feed has."""
        return await self._view.load(("changes counted", self._about), self._counts, None)

    def cursor(self, node: Any) -> str:
        """Return the place of an entry."""
        return cursor_of(self._view.graph.vault, self._slug, (node.row.position, node.row.ordinal))

    async def _pages(self, session: AsyncSession, keys: list[None]) -> Sequence[Page[Any]]:
        place = changes.BEGINNING if self.after is None else place_of(self._view.graph.vault, self._slug, self.after)
        rows = await changes.after(session, place, self._first + 1, about=self._about)
        node = KINDS[CHANGES.name].node
        items = [node(row, self._view) for row in rows[: self._first]]
        last = [items[-1].row.id] if len(rows) > self._first else None
        return [Page(items, last, None) for _ in keys]

    async def _counts(self, session: AsyncSession, keys: list[None]) -> Sequence[int]:
        counted = await nouns.count(session, CHANGES, *(changes.conditions(self._about) if self._about else ()))
        return [counted for _ in keys]


def feed(info: Info[Graph, None], first: First = FIRST, after: After = UNSET, resource_id: ResourceIds = UNSET) -> Any:
    """Return a page of the change feed. Raises Invalid."""
    check_first(first)
    return Connection(Feed(info.context.view(None), first, after or None, changes.resources(resource_id or [])))


CHANGE_FEED = strawberry.field(
    resolver=feed,
    description="Everything that changed, oldest first, in the order of the tenant's clock.",
    graphql_type=StrawberryAnnotation("Connection[ChangeNode] | None", namespace=NAMES),
)
