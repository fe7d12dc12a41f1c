"""Settings, read from the environment (prefix `THROUGHLINE_`) with defaults that suit a laptop."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

EMBEDDED_URL = "sqlite:///throughline.db"


class Settings(BaseSettings):
    """How this process runs. Every setting can be given as `THROUGHLINE_<NAME>` in the environment or in `.env`."""

    model_config = SettingsConfigDict(env_prefix="THROUGHLINE_", env_file=".env", extra="ignore", frozen=True)

    database_url: Annotated[str, Field(description="SQLite file or PostgreSQL of the application role.")] = EMBEDDED_URL
    migration_database_url: Annotated[
        str | None, Field(description="PostgreSQL as the owner of the tables; `throughline migrate` uses it.")
    ] = None
    secret_keys: Annotated[
        tuple[SecretStr, ...],
        NoDecode,
        Field(description="Fernet keys, comma separated, newest first. Empty: kept in `secret_file`."),
    ] = ()
    secret_file: Annotated[Path, Field(description="Where the embedded default keeps its generated key.")] = Path(
        "throughline.secret"
    )
    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on.")] = 8000
    public_url: Annotated[
        str | None, Field(description="Address under which clients reach this service; default: host and port.")
    ] = None
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level logged.")] = (
        "info"
    )
    log_format: Annotated[Literal["json", "console"], Field(description="One JSON object a line, or for people.")] = (
        "json"
    )
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, Field(description="Origins, comma separated, that browsers may call from.")
    ] = ()
    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest request body; larger is 413.")] = 2 * 1024 * 1024
    max_panel_bytes: Annotated[int, Field(ge=1024, description="Largest panel posted as CSV or JSON.")] = (
        32 * 1024 * 1024
    )
    max_xapi_bytes: Annotated[
        int, Field(ge=1024, description="Largest request to an xAPI resource: statements with attachments, a document.")
    ] = 16 * 1024 * 1024
    max_import_bytes: Annotated[int, Field(ge=1024, description="Largest table posted to be imported.")] = (
        64 * 1024 * 1024
    )
    body_timeout_seconds: Annotated[float, Field(gt=0, description="A slower body is answered 408.")] = 20.0
    max_connections: Annotated[int, Field(ge=1, description="Clients connected at once; more are answered 503.")] = 1000
    rate_limit_requests: Annotated[
        int,
        Field(ge=0, description="Requests that a key may make of a process in a window; more are 429. 0: no limit."),
    ] = 6000
    rate_limit_seconds: Annotated[int, Field(ge=1, description="That window.")] = 60
    max_streams: Annotated[int, Field(ge=1, description="Live streams open at once in a process; more are 503.")] = 200
    max_streams_per_tenant: Annotated[int, Field(ge=1, description="Of these, for one tenant; more are 429.")] = 20
    max_waiting_per_source: Annotated[
        int,
        Field(ge=1, description="Deliveries of one source waiting at once to be stored in a process; more are 503."),
    ] = 500
    database_timeout_seconds: Annotated[
        float, Field(gt=0, description="How long to wait for the database before 503.")
    ] = 2.5
    pool_size: Annotated[int, Field(ge=1, description="Connections kept per process.")] = 10
    job_lease_seconds: Annotated[
        float, Field(ge=1, le=300, description="After how long another worker takes over the job of one that vanished.")
    ] = 60.0
    metrics_token: Annotated[
        SecretStr | None, Field(description="Bearer token that `/metrics` asks for; none: open to the local network.")
    ] = None

    trusted_origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(description="Origins, comma separated, that may be called although they are not public, or not https."),
    ] = ()

    @field_validator("secret_keys", "cors_origins", "trusted_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded SQLite file."""
        return self.database_url.startswith("sqlite")

    @property
    def base_url(self) -> str:
        """The address to put into links that leave this service, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
