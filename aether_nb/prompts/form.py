"""Questions with several fields: a form, described by a JSON Schema that pages can draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase, kind_of, plain_json
from aether_nb.prompts.schemas import faults

NULLABLE = "nullable"
"""Marks a field that may also be null: a page sends null for one that was emptied."""


class FormPrompt(PromptBase):
    """Asks for several things at once. The reply is an object that fits the schema."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    kind: Literal["form"] = "form"
    fields: dict[str, Any] = Field(alias="schema")
    """JSON Schema of the object, `schema` in JSON. Nothing in it refers elsewhere, and what may also be null is said by
    `"nullable": true` and not by a union."""
    value: dict[str, Any] = Field(default_factory=dict)
    """What stands in the fields already: defaults and suggested values."""
    submit: str = ""
    """The words on the button."""

    def check(self, value: Any) -> dict[str, Any]:
        """The object, as far as its schema says whether it fits."""
        plain = plain_json(value)
        if not isinstance(plain, dict):
            raise ReplyInvalid({"": f"an object with the form's fields is needed, and {kind_of(plain)}"})
        problems: dict[str, str] = {}
        for fault in faults(self.fields, _without_nulls(self.fields, plain)):
            for path, problem in _told(fault):
                problems.setdefault(path, problem)
        if problems:
            raise ReplyInvalid(problems)
        return plain

    def reply_schema(self) -> dict[str, Any]:
        """The schema, in which what may be null says so as JSON Schema does."""
        schema: dict[str, Any] = _spelled_out(self.fields)
        return schema


def _without_nulls(schema: Mapping[str, Any], value: Any) -> Any:
    """The value without those nulls that may stand in it: what is left out is not asked for either."""
    if isinstance(value, list):
        items = schema.get("items")
        return [_without_nulls(items, one) for one in value] if isinstance(items, dict) else value
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties")
    kept = {}
    for name, one in value.items():
        inner = properties.get(name, more if isinstance(more, dict) else {})
        if one is not None or not inner.get(NULLABLE):
            kept[name] = _without_nulls(inner, one)
    return kept


def _spelled_out(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_spelled_out(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _spelled_out(one) for key, one in schema.items() if key != NULLABLE}
    return {"anyOf": [made, {"type": "null"}]} if schema.get(NULLABLE) is True else made


_TYPES = {
    "string": "a text is needed",
    "integer": "a whole number is needed",
    "number": "a number is needed",
    "boolean": "yes or no is needed",
    "array": "a list is needed",
    "object": "several fields are needed",
    "null": "nothing is wanted here",
}


def _told(fault: Any) -> Iterator[tuple[str, str]]:
    """What is wrong, by the dotted path of the field."""
    path = ".".join(map(str, fault.absolute_path))
    wanted = fault.validator_value
    if fault.validator == "required":
        for name in wanted:
            if name not in fault.instance:
                yield f"{path}.{name}" if path else str(name), "this is needed"
        return
    if fault.validator == "additionalProperties" and wanted is False:
        for name in fault.instance.keys() - fault.schema.get("properties", {}).keys():
            yield f"{path}.{name}" if path else str(name), "there is no such field"
        return
    if fault.validator == "oneOf" and "discriminator" in fault.schema and isinstance(fault.instance, dict):
        tag = fault.schema["discriminator"]["propertyName"]
        for i, branch in enumerate(wanted):
            if tag in fault.instance and branch["properties"][tag].get("const") == fault.instance[tag]:
                for inner in fault.context:
                    if inner.schema_path[0] == i:
                        yield from _told(inner)
                return
    yield path, _sentence(fault.validator, wanted) or str(fault.message)


def _sentence(rule: str, wanted: Any) -> str:
    match rule:
        case "type":
            return _TYPES.get(wanted, "") if isinstance(wanted, str) else ""
        case "enum":
            return f"one of {', '.join(map(str, wanted))} is needed"
        case "const":
            return f"{wanted} is needed"
        case "minimum":
            return f"at least {wanted} is needed"
        case "maximum":
            return f"at most {wanted} is wanted"
        case "exclusiveMinimum":
            return f"more than {wanted} is needed"
        case "exclusiveMaximum":
            return f"less than {wanted} is wanted"
        case "multipleOf":
            return f"it goes in steps of {wanted}"
        case "minLength":
            return "this is needed" if wanted == 1 else f"at least {wanted} characters are needed"
        case "maxLength":
            return f"at most {wanted} characters are wanted"
        case "pattern":
            return f"it does not match the pattern {wanted}"
        case "minItems":
            return f"at least {wanted} {'is' if wanted == 1 else 'are'} needed"
        case "maxItems":
            return f"at most {wanted} {'is' if wanted == 1 else 'are'} wanted"
        case "uniqueItems":
            return "the same stands in it twice"
        case "anyOf" | "oneOf":
            return "it is none of the kinds that are wanted here"
    return ""
