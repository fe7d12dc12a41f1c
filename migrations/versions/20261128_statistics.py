"""Statistics of the tables that deliveries fill, from the first rows on: PostgreSQL itself looks once a minute."""

from alembic import op

revision = "20261128_statistics"
down_revision = "20261128_policies"
branch_labels = None
depends_on = None

_TABLES = (
    "delivery",
    "learning_event",
    "person",
    "identity",
    "activity",
    "activity_reference",
    "enrolment",
    "enrolment_version",
)
_SMALL_BYTES = 4 * 1024 * 1024
"""Of a larger table PostgreSQL has made statistics, or makes them within a minute, and they take longer than here."""

_ANALYSE = f"""
CREATE FUNCTION analyse_small_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['{"', '".join(_TABLES)}'] LOOP
        IF pg_relation_size(name::regclass) < {_SMALL_BYTES} THEN
            EXECUTE format('ANALYZE %I', name);
        END IF;
    END LOOP;
END
$$
"""
"""With its owner's rights: ANALYZE is the owner's, and the service is another role."""


def upgrade() -> None:
    """Make the function, on PostgreSQL; SQLite plans without statistics."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_ANALYSE)


def downgrade() -> None:
    """Take it away."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION analyse_small_tables()")
