"""`/v1/identity-providers`: whose access tokens the tenant takes. Keys that read see them; only admin changes them."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.api.doors import Door
from app.api.screening import ScreenedRoute
from app.services.identity_providers import IDENTITY_PROVIDERS


class ProviderRoute(ScreenedRoute):
    """A route that looks at where the keys of an identity provider are to be fetched from, before its unit opens."""

    writing_scope = "admin"

    @staticmethod
    def addresses(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the address of the key set; that of the issuer where the key set is to be asked for there."""
        url, issuer = body.get("jwks_url"), body.get("issuer")
        if isinstance(url, str):
            yield "/jwks_url", url
        elif isinstance(issuer, str):
            yield "/issuer", issuer


door = Door(IDENTITY_PROVIDERS, "/identity-providers", "identity-providers")
door.router.route_class = ProviderRoute
router = door.full()
