"""Lists in the graph: keyset connections, the lists of many parents in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET, Info
from strawberry.annotation import StrawberryAnnotation

from app.api import cursors
from app.api.graphql.context import Graph, View
from app.api.graphql.inputs import FIRST, FIRST_MOST, Asked, asked, filter_of, sort_of
from app.api.graphql.nodes import KINDS, NAMES, Entry
from app.api.graphql.scalars import computed
from app.api.shapes import camel
from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.services import branches
from app.services.branches import Link, Listing
from app.services.nouns import NounType
from app.services.pages import Page, Query, sort_columns

T = TypeVar("T")

First = Annotated[int, strawberry.argument(description=f"How many, 1 to {FIRST_MOST}.")]
After = Annotated[str | None, strawberry.argument(description="`endCursor` of the page before; null: the first page.")]


@dataclass(frozen=True, slots=True)
class Edges:
    """A declared list: what it lists, the name that its cursors and loaders go by, and the parent's own column."""

    noun: NounType[Any]
    name: str
    parent: str | None = None
    link: Link | None = None
    key: str = "id"

    def listing(self) -> Listing:
        """Return what is to be read."""
        return Listing(self.noun, KINDS[self.noun.name].listing.columns, self.parent, self.link)


class Place(Protocol):
    """One page of one list: what a connection shows."""

    after: str | None

    async def page(self) -> Page[Any]:
        """Return the page with entries of the graph as its items."""

    async def count(self) -> int:
        """Return how many entries the list has."""

    def cursor(self, entry: Any) -> str:
        """Return the cursor of one entry."""


class Slice:
    """One page of one list of one parent, read when a field of it is asked for."""

    def __init__(
        self, view: View, edges: Edges, parent: Entry | None, wanted: Asked, first: int, after: str | None
    ) -> None:
        self.view = view
        self.edges = edges
        self.parent = None if parent is None else getattr(parent.row, edges.key)
        self.wanted = wanted
        self.first = first
        self.after = after
        owner = "" if parent is None else f" of {ids.encode(parent.prefix, parent.row.id)} {edges.name}"
        self.binding = cursors.of_list(
            view.graph.principal.tenant.slug,
            edges.noun.plural + owner,
            wanted.sort,
            wanted.filters,
            wanted.q,
            archived=wanted.include_archived,
        )

    async def page(self) -> Page[Any]:
        """Return the rows of the page as entries of the graph. Raises InvalidCursor."""
        place = self._behind()
        found: Page[Any] = await self.view.load(
            ("page", self._key(), place and tuple(place)), partial(self._pages, place), self.parent
        )
        return found

    async def count(self) -> int:
        """Return how many rows the list has."""
        return await self.view.load(("count", self._key()), self._counts, self.parent)

    def cursor(self, entry: Any) -> str:
        """Return the cursor of one entry of the list."""
        names = [column.name for column in sort_columns(self.edges.noun, self.wanted.sort)]
        return cursors.encode(self.view.graph.vault, self.binding, [getattr(entry.row, name) for name in names])

    def _key(self) -> tuple[Any, ...]:
        return (self.edges.name, id(self.wanted), self.first)

    def _behind(self) -> list[Any] | None:
        """Return the place that the page lies behind; the cursor must be one of this very list."""
        if self.after is None:
            return None
        kinds = [column.type.python_type for column in sort_columns(self.edges.noun, self.wanted.sort)]
        return cursors.decode(self.view.graph.vault, self.binding, self.after, kinds)

    def _query(self, place: list[Any] | None) -> Query:
        wanted = self.wanted
        return Query(wanted.filters, wanted.q, wanted.sort, place, self.first, wanted.include_archived)

    async def _pages(
        self, place: list[Any] | None, session: AsyncSession, parents: list[UUID | None]
    ) -> Sequence[Page[Any]]:
        node = KINDS[self.edges.noun.name].node
        found = await branches.pages(session, self.edges.listing(), parents, self._query(place), as_of=self.view.at)
        return [Page([node(row, self.view) for row in page.items], page.last, None) for page in found]

    async def _counts(self, session: AsyncSession, parents: list[UUID | None]) -> Sequence[int]:
        return await branches.counts(session, self.edges.listing(), parents, self._query(None), as_of=self.view.at)


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = strawberry.field(description="Whether there is more behind `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether the page was asked for with `after`.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first entry; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")


@strawberry.type(description="An entry of a list with its cursor.")
class Edge(Generic[T]):
    """An entry of a list with its cursor."""

    node: T = strawberry.field(description="The entry.")
    cursor: str = computed("The entry's place in the list: give it as `after` to go on behind it.")

    def __init__(self, node: T, place: Place) -> None:
        self.node = node
        self._place = place

    def get_cursor(self) -> str:
        """Return the signed cursor."""
        return self._place.cursor(self.node)


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """One page of a list."""

    nodes: list[T] = computed("The entries of this page, in order.")
    edges: list[Edge[T]] = computed("The entries of this page with their cursors, in order.")
    page_info: PageInfo = computed("Where this page stands in its list.")
    total_count: int = computed("Entries in the whole list; counted only when asked for.")

    def __init__(self, place: Place) -> None:
        self._place = place

    async def get_nodes(self) -> list[T]:
        """Return the entries."""
        return (await self._place.page()).items

    async def get_edges(self) -> list[Edge[T]]:
        """Return the entries with what their cursors are made of."""
        return [Edge(node, self._place) for node in (await self._place.page()).items]

    async def get_page_info(self) -> PageInfo:
        """Return the cursors of the page."""
        page = await self._place.page()
        place = [self._place.cursor(node) for node in (page.items[:1] + page.items[-1:])]
        return PageInfo(
            has_next_page=page.last is not None,
            has_previous_page=self._place.after is not None,
            start_cursor=place[0] if place else None,
            end_cursor=place[-1] if place else None,
        )

    async def get_total_count(self) -> int:
        """Return the length of the list."""
        return await self._place.count()


NAMES["Connection"] = Connection


def many(noun: NounType[Any], parent: str, description: str, *, link: Link | None = None, key: str = "id") -> Any:
    """Declare a list of the rows of `noun` whose column `parent` holds the node's `key`; or found through a link."""
    edges = Edges(noun, f"{noun.plural} by {parent}", None if link else parent, link, key)

    def resolve(self: Any, first: Any, after: Any, filter: Any, sort: Any) -> Any:  # noqa: A002  the name of the argument
        return connect(self.view, edges, self, first, after, filter, sort)

    return _list_field(noun, resolve, description)


def everything(noun: NounType[Any], description: str) -> Any:
    """Declare the list of all rows of `noun`."""
    edges = Edges(noun, noun.plural)

    def resolve(info: Any, first: Any, after: Any, filter: Any, sort: Any) -> Any:  # noqa: A002  the name of the argument
        return connect(info.context.view(None), edges, None, first, after, filter, sort)

    resolve.__annotations__["info"] = Info[Graph, None]
    return _list_field(noun, resolve, description)


def connect(
    view: View, edges: Edges, parent: Entry | None, first: int, after: str | None, filters: Any, sorts: Any
) -> Connection[Any]:
    """Return the connection that a field's arguments ask for. Raises Invalid."""
    check_first(first)
    wanted = view.remembered((edges.noun.name, repr(filters), repr(sorts)), lambda: asked(edges.noun, filters, sorts))
    return Connection(Slice(view, edges, parent, wanted, first, after or None))


def check_first(first: int) -> None:
    """Raise Invalid unless a page may be that long."""
    if not 1 <= first <= FIRST_MOST:
        fault = Fault("out_of_range", f"takes 1 to {FIRST_MOST}", parameter="first")
        raise Invalid(f"first takes 1 to {FIRST_MOST}.", errors=(fault,))


def _list_field(noun: NounType[Any], resolve: Any, description: str) -> Any:
    filters, sorts = filter_of(noun), sort_of(noun)
    resolve.__annotations__ |= {
        "first": First,
        "after": After,
        "filter": Annotated[filters | None, strawberry.argument(description="Which to list; null: all in use.")],
        "sort": Annotated[list[sorts] | None, strawberry.argument(description="In which order; null: newest first.")],  # type: ignore[valid-type]  # made at run time
    }
    resolve.__defaults__ = (FIRST, UNSET, UNSET, UNSET)
    annotation = StrawberryAnnotation(f"Connection[{camel(noun.name)}Node] | None", namespace=NAMES)
    return strawberry.field(resolver=resolve, description=description, graphql_type=annotation)
