"""The texts below the fields of models."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.alias_generators import to_camel

from nodes.field_docs import DocumentedJsonSchema, field_texts


class Below(BaseModel):
    """A model that others derive from."""

    model_config = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))

    first_name: str
    """What somebody is called.

    In full.
    """
    kept: int = 1
    """Said once."""
    given: int = Field(default=1, description="Said in the field.")
    """Said below it."""
    silent: int = 1


class Above(Below):
    """A model that says some things anew."""

    kept: Annotated[int, Field(ge=2)] = 2
    given: int = 2
    """Said anew."""
    inner: Below | None = None
    """Another one."""

    class Nested(BaseModel):
        """A model inside of a model."""

        deep: str
        """Far down."""


def test_texts_are_inherited_until_they_are_said_anew() -> None:
    assert field_texts(Below) == {
        "first_name": "What somebody is called.\n\nIn full.",
        "kept": "Said once.",
        "given": "Said in the field.",
    }
    assert field_texts(Above) == {
        **field_texts(Below),
        "given": "Said anew.",
        "inner": "Another one.",
    }
    assert field_texts(Above.Nested) == {"deep": "Far down."}


def test_a_model_without_source_has_no_texts() -> None:
    made = create_model("made", __base__=Below, extra=(int, 0))
    assert field_texts(made) == field_texts(Below)


def test_json_schema_has_the_texts_in_all_models_and_modes() -> None:
    adapter = TypeAdapter(dict[str, Above])
    for mode, name in (("validation", "first_name"), ("serialization", "firstName")):
        schema = adapter.json_schema(mode=mode, schema_generator=DocumentedJsonSchema)  # type: ignore[arg-type]  # a literal
        for model in ("Above", "Below"):
            properties = schema["$defs"][model]["properties"]
            assert properties[name]["description"].startswith("What somebody")
            assert properties["kept"]["description"] == "Said once."
            assert "description" not in properties["silent"]
        assert schema["$defs"]["Above"]["properties"]["inner"]["description"] == "Another one."
