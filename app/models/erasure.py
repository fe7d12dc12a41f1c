"""What is kept of erased people so that nothing brings them back: no name, but a code that only a name can give."""

from datetime import datetime

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field

from app.models.base import Instant, Row


class SuppressedName(Row, table=True):
    """The message authentication code of one name of an erased person, under the service's secret key."""

    __tablename__ = "suppressed_name"
    __table_args__ = (UniqueConstraint("tenant_id", "tag"),)

    tag: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
