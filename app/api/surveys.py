"""`/v1/surveys` with their comments, and `/v1/survey-responses`."""

from pydantic import BaseModel, Field

from app.api.deps import SessionOf
from app.api.doors import Door
from app.services.batches import put_in_bulk
from app.services.surveys import SURVEY_RESPONSES, SURVEYS, comments_of

surveys = Door(SURVEYS, "/surveys", "surveys")
survey_responses = Door(SURVEY_RESPONSES, "/survey-responses", "surveys")

routers = (surveys.full(), survey_responses.full(put_in_bulk))


class SurveyComments(BaseModel):
    """What people wrote, without who wrote it."""

    items: list[str] = Field(
        description="The comments, sorted by their text.", examples=[["More time at the press would have helped."]]
    )
    minimum: int = Field(description="Comments appear by so many people at a time, never one by one.", examples=[10])
    suppressed: bool = Field(
        description="Whether there are comments that are not shown, for want of enough people.", examples=[False]
    )


@surveys.router.get(
    "/{id}/comments",
    operation_id="listSurveyComments",
    summary="List the comments of a survey, from ten people on",
)
async def list_comments(id: surveys.id_param, session: SessionOf) -> SurveyComments:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Return what people wrote, as soon as enough did that nobody can tell who."""
    found = await comments_of(session, surveys.id_of(id))
    return SurveyComments(items=list(found.texts), minimum=found.minimum, suppressed=found.suppressed)
