"""Published figures and their restatements in the graph."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, one
from app.api.graphql.scalars import computed, shape_of
from app.models.publications import StatedFigure
from app.services.publications import PUBLISHED_FIGURES, RESTATEMENTS


@entry(PUBLISHED_FIGURES, "figure")
class PublishedFigureNode(Node):
    """A figure as it was said."""

    metric: auto
    question: auto
    inputs: auto
    note: auto
    stood_at: auto
    revision: auto
    current: auto
    created_at: auto
    figure: shape_of(StatedFigure) = computed("The figure; its revision counts restatements.")  # type: ignore[valid-type]  # made at run time
    restatements = many(RESTATEMENTS, "from_id", "What replaced it, where later facts changed it.")

    def get_figure(self) -> StatedFigure:
        """Return the figure from how it is kept."""
        return StatedFigure.model_validate(self.row.figure)


@entry(RESTATEMENTS)
class RestatementNode(Node):
    """A published figure replaced by another, with the reason."""

    metric: auto
    because: auto
    replaced = one("from_id")
    replacement = one("to_id")
