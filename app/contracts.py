"""`python -m app.contracts`: write the published contracts again from the code; a test compares what is committed."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from cryptography.fernet import Fernet

from app.api.graphql.schema import sdl
from app.config import Settings
from app.main import create_app

COMMAND = "make contracts"
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")


def openapi() -> str:
    """Return the OpenAPI document as YAML: paths, schemas and responses sorted, the rest in the order of the code."""
    settings = Settings(_env_file=None, secret_keys=(Fernet.generate_key().decode(),))
    document = dict(create_app(settings).openapi())
    document["paths"] = {path: _by_method(document["paths"][path]) for path in sorted(document["paths"])}
    document["components"] = {
        section: dict(sorted(parts.items())) for section, parts in sorted(document["components"].items())
    }
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


CONTRACTS: Mapping[str, Callable[[], str]] = {"openapi.yaml": openapi, "schema.graphql": sdl}
"""Every published contract: the file at the top of the repository, and what writes it."""


def write(folder: Path) -> list[str]:
    """Write every contract into `folder`; return the names of those that changed."""
    changed = []
    for name, render in CONTRACTS.items():
        path, text = folder / name, render()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            changed.append(name)
    return changed


class _Plain(yaml.CSafeDumper):
    """Writes text of several lines as a block, and the same mapping twice instead of a reference to it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the base class sets the signature
        """Repeat what stands twice."""
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Plain.add_representer(str, _text)


def _by_method(operations: Mapping[str, Any]) -> dict[str, Any]:
    return {name: operations[name] for name in (*_METHODS, *(operations.keys() - set(_METHODS))) if name in operations}


if __name__ == "__main__":
    names = write(Path(__file__).resolve().parent.parent)
    sys.stdout.write(f"Written: {', '.join(names)}.\n" if names else "Nothing changed.\n")
