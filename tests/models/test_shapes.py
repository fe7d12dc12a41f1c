"""Shapes: every field is described, every example is true, and answers ignore what they do not know."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from sqlmodel import SQLModel

import app.models
from app.models.activities import ActivityReferenceRead
from app.models.base import ReadShape, Shape

for _module in pkgutil.iter_modules(app.models.__path__):
    importlib.import_module(f"app.models.{_module.name}")


def _below(shape: type[SQLModel]) -> Iterator[type[SQLModel]]:
    for each in shape.__subclasses__():
        yield each
        yield from _below(each)


SHAPES = sorted({*_below(Shape), *_below(ReadShape)}, key=lambda shape: shape.__name__)
SHOWN = [shape for shape in SHAPES if not hasattr(shape, "__table__") and shape.__module__.startswith("app.models")]

every_shape = pytest.mark.parametrize("shape", SHOWN, ids=lambda shape: shape.__name__)


@every_shape
def test_the_example_of_a_shape_is_one(shape: type[BaseModel]) -> None:
    (example,) = shape.model_json_schema()["examples"]

    assert shape.model_validate(example)
    assert set(shape.model_json_schema().get("required", ())) <= set(example)


@every_shape
def test_every_field_is_described(shape: type[BaseModel]) -> None:
    assert [name for name, field in shape.model_fields.items() if not field.description] == []


@every_shape
def test_a_request_refuses_unknown_fields_and_an_answer_promises_nothing_about_them(shape: type[BaseModel]) -> None:
    request = not issubclass(shape, ReadShape) and not shape.__name__.endswith(("Read", "Created"))

    assert (shape.model_json_schema().get("additionalProperties") is False) == request


def test_a_reference_shows_whatever_version_a_source_told() -> None:
    (example,) = ActivityReferenceRead.model_json_schema()["examples"]

    shown = ActivityReferenceRead.model_validate(example | {"content_version": "1." * 200})

    assert shown.content_version == "1." * 200
