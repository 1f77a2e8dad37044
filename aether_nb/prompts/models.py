"""Forms from pydantic models: the schema that a page can draw, and an instance of what was filled in.

pydantic says a model as a JSON Schema with references and unions, which no page draws well. Here references are put
in place, `Optional` becomes its inner type, and titles and texts stand at the fields. What cannot be drawn is refused.
Trap: a field that must be there and may be null is one that may be left empty, so that what is missing is filled in
before pydantic sees it.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.prompts.base import kind_of, plain_json
from aether_nb.prompts.form import NULLABLE, FormPrompt

M = TypeVar("M", bound=BaseModel)

_UNIONS = ("anyOf", "oneOf")
_BOUNDS = ("gt", "ge", "lt", "le", "multiple_of")


def form_of(model: type[BaseModel], prompt: str = "", value: Any = None, *, submit: str = "") -> FormPrompt:
    """The question for an instance of a model.

    Args:
        model: the class.
        prompt: what is asked; the first line of the model's docstring, or its name, when empty.
        value: suggested values: a mapping by field, or an instance.
        submit: the words on the button.

    Raises:
        BadInputs: the model can be no form, or a suggestion is for no field of it.
    """
    schema = _schema_of(model)
    shown = {key: one for key, one in schema.items() if key != "description"}  # which the prompt says
    said = prompt or schema.get("description", "").partition("\n")[0] or schema["title"]
    return FormPrompt(prompt=said, fields=shown, value=_values(model, schema, value), submit=submit)


def instance_of(model: type[M], schema: Mapping[str, Any], value: Any) -> M:
    """What was filled in, as the model has it; checked by the model itself.

    Raises:
        ReplyInvalid: it does not fit; `problems` are by the dotted path of the field, `""` is the whole.
    """
    whole = _filled(schema, plain_json(value))
    try:
        return model.model_validate(whole)
    except ValidationError as invalid:
        problems: dict[str, str] = {}
        for error in invalid.errors(include_url=False):
            problems.setdefault(_path(error["loc"], whole), _sentence(error))
    except Exception as error:  # noqa: BLE001 - a validator is the user's, and raises what it likes
        problems = {"": f"{type(error).__name__}: {error}"}
    raise ReplyInvalid(problems)


# -- the schema ----------------------------------------------------------------------------------


@functools.lru_cache(64)
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a default without JSON is one that the page does not show
            raw = model.model_json_schema(schema_generator=_Schema)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        why = str(error).partition("\n")[0]
        raise BadInputs(f"{model.__name__} can be no form: {why}") from None
    made = _Normal(model.__name__, raw.get("$defs", {})).of(raw, ())
    if made.get("type") != "object" or not made.get("properties"):
        raise BadInputs(f"{model.__name__} can be no form: it has no fields.")
    made.setdefault("title", model.__name__)
    return made


class _Schema(GenerateJsonSchema):
    """pydantic's, but for Decimal, which it says to be a number or text, and enums of numbers, whose names it drops."""

    def enum_schema(self, schema: Any) -> dict[str, Any]:
        """The values, and of numbers what they are called."""
        made = super().enum_schema(schema)
        if made.get("type") in {"integer", "number"}:
            made["names"] = [_title(member.name.lower()) for member in schema["members"]]
        return made

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        """A number."""
        bounds = {name: float(one) for name, one in schema.items() if name in _BOUNDS and one is not None}
        return self.float_schema({"type": "float", **bounds})  # type: ignore[typeddict-item]


class _Normal:
    """Makes the schema of one model what pages can draw.

    Args:
        name: the model's, for messages.
        defs: what its schema refers to.
    """

    def __init__(self, name: str, defs: Mapping[str, Any]) -> None:
        self._name = name
        self._defs = defs
        self._within: list[str] = []

    def of(self, schema: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """A schema without references and unions with null."""
        if not isinstance(schema, dict):
            raise self._unfit(path, "may be anything")
        if "$ref" in schema:
            return self._referred(schema, path)
        for union in _UNIONS:
            if union in schema:
                return self._union(schema, union, path)
        if not schema.keys() & {"type", "enum", "const"}:
            raise self._unfit(path, "may be anything")
        if schema.get("format") == "password":
            raise self._unfit(path, "is a secret, and a form is kept: ask for it by ask_text(secret=True)")
        made = {key: one for key, one in schema.items() if key not in {"$defs", "items", "prefixItems"}}
        if "properties" in schema:
            self._properties(made, schema, path)
        if schema.get("type") == "array":
            made["items"] = self.of(self._item(schema, path), (*path, "0"))
        if schema.get("type") == "number" and isinstance(schema.get("default"), str):
            made["default"] = float(schema["default"])
        if isinstance(schema.get("additionalProperties"), dict):
            made["additionalProperties"] = self.of(schema["additionalProperties"], (*path, "*"))
        return made

    def _properties(self, made: dict[str, Any], schema: Mapping[str, Any], path: tuple[str, ...]) -> None:
        made["properties"] = {}
        required = []
        for name, raw in schema["properties"].items():
            one = self.of(raw, (*path, name))
            if "title" not in raw or raw["title"] == name.replace("_", " ").title():
                one["title"] = _title(name)  # that of a class stands for many fields
            if name in schema.get("required", ()):
                if one.get(NULLABLE):
                    one["default"] = None
                else:
                    required.append(name)
            made["properties"][name] = one
        made["required"] = required

    def _item(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> Any:
        """The schema of what stands in a list, or in a tuple of like things."""
        places = schema.get("prefixItems", [])
        if any(place != places[0] for place in places):
            raise self._unfit(path, "is a tuple of different things; make a model of them")
        return places[0] if places else schema.get("items")

    def _referred(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        name = str(schema["$ref"]).rpartition("/")[2]
        if name in self._within:
            raise self._unfit(path, f"contains {name} again, without end")
        self._within.append(name)
        made = self.of(
            {**self._defs[name], **{k: v for k, v in schema.items() if k not in {"$ref", "$defs"}}}, path
        )
        self._within.pop()
        return made

    def _union(self, schema: Mapping[str, Any], union: str, path: tuple[str, ...]) -> dict[str, Any]:
        rest = {k: v for k, v in schema.items() if k not in {union, "$defs"}}
        kinds = [one for one in schema[union] if one != {"type": "null"}]
        null = {NULLABLE: True} if len(kinds) < len(schema[union]) else {}
        if len(kinds) == 1:
            inner = kinds[0]
            if "$ref" in inner:
                return {**self._referred({**inner, **rest}, path), **null}
            return {**self.of({**inner, **rest}, path), **null}
        tag = rest.pop("discriminator", {}).get("propertyName")
        made = {**rest, "oneOf" if tag else union: [self.of(one, path) for one in kinds], **null}
        return {**made, "discriminator": {"propertyName": tag}} if tag else made

    def _unfit(self, path: tuple[str, ...], why: str) -> BadInputs:
        where = ".".join(path)
        return BadInputs(f"{self._name} can be no form: {f'`{where}`' if where else 'it'} {why}.")


def _title(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


# -- values --------------------------------------------------------------------------------------


def _values(model: type[BaseModel], schema: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """What stands in the fields: defaults, and over them what is suggested."""
    defaults = {**_made(model, schema), **_defaults(schema)}
    if given is None:
        return defaults
    try:
        plain = plain_json(given)
    except ReplyInvalid as invalid:
        raise BadInputs(f"value= of the form {model.__name__}: {invalid}.") from None
    if not isinstance(plain, dict):
        raise BadInputs(f"value= of the form {model.__name__}: give values by field, and {kind_of(given)}.")
    for path in _strangers(schema, plain):
        raise BadInputs(f"value= of the form {model.__name__}: there is no field {path!r}.")
    return _over(defaults, plain)


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, one in schema.get("properties", {}).items():
        if one.get("default") is not None:
            found[name] = one["default"]
        elif "properties" in one and not one.get(NULLABLE) and (inner := _defaults(one)):
            found[name] = inner
    return found


def _made(model: type[BaseModel], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields' own functions give for a default, of today's date, say; what has no JSON is not shown."""
    found = {}
    for name, field in model.model_fields.items():
        shown_as = next((n for n in (field.validation_alias, field.alias, name) if isinstance(n, str)), name)
        if field.default_factory is None or field.default_factory_takes_validated_data:
            continue
        try:
            value = plain_json(field.default_factory())  # type: ignore[call-arg] # takes nothing, as was asked
        except Exception:  # noqa: BLE001, S112 - the function is the user's
            continue
        if shown_as in schema["properties"] and value not in (None, [], {}):
            found[shown_as] = value
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        k: _over(below[k], v) if isinstance(v, dict) and isinstance(below.get(k), dict) else v
        for k, v in above.items()
    }
    return {**below, **both}


def _strangers(schema: Mapping[str, Any], value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Where a value has something that the form has no field for."""
    properties = schema.get("properties")
    if properties is None or schema.get("additionalProperties"):
        return
    for name, one in value.items():
        if name not in properties:
            yield path + name
        elif isinstance(one, dict):
            yield from _strangers(properties[name], one, f"{path}{name}.")


def _filled(schema: Mapping[str, Any], value: Any) -> Any:
    """The value with null where a field is empty that must be there and may be null."""
    if isinstance(value, list):
        return [_filled(schema.get("items", {}), one) for one in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    empty = {n: None for n, one in properties.items() if n not in value and one.get("default", 0) is None}
    return {**empty, **{n: _filled(properties.get(n, {}), one) for n, one in value.items()}}


# -- what pydantic has against it ----------------------------------------------------------------


def _path(loc: tuple[int | str, ...], value: Any) -> str:
    """The dotted path of a field; pydantic's also names branches of unions and functions on the way."""
    steps: list[str] = []
    for i, step in enumerate(loc):
        last = i == len(loc) - 1
        if isinstance(value, dict) and (step in value or last):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            continue
        steps.append(str(step))
    return ".".join(steps)


_SENTENCES = {
    "missing": "this is needed",
    "extra_forbidden": "there is no such field",
    "string_type": "a text is needed",
    "int_type": "a whole number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed",
    "float_parsing": "a number is needed",
    "decimal_type": "a number is needed",
    "decimal_parsing": "a number is needed",
    "bool_type": "yes or no is needed",
    "bool_parsing": "yes or no is needed",
    "list_type": "a list is needed",
    "date_type": "a date is needed",
    "date_parsing": "a date is needed",
    "date_from_datetime_parsing": "a date is needed",
    "datetime_type": "a date and time is needed",
    "datetime_parsing": "a date and time is needed",
    "datetime_from_date_parsing": "a date and time is needed",
    "time_parsing": "a time of day is needed",
    "timezone_aware": "an offset from UTC is needed",
    "greater_than": "more than {gt} is needed",
    "greater_than_equal": "at least {ge} is needed",
    "less_than": "less than {lt} is wanted",
    "less_than_equal": "at most {le} is wanted",
    "union_tag_invalid": "one of {expected_tags} is needed",
    "union_tag_not_found": "say by {discriminator} which kind it is",
    "multiple_of": "it goes in steps of {multiple_of}",
    "string_too_short": "at least {min_length} characters are needed",
    "string_too_long": "at most {max_length} characters are wanted",
    "string_pattern_mismatch": "it does not match the pattern {pattern}",
    "too_short": "at least {min_length} are needed",
    "too_long": "at most {max_length} are wanted",
    "literal_error": "{expected} is needed",
    "enum": "{expected} is needed",
}


def _sentence(error: Any) -> str:
    """What pydantic says, as people would; what a validator of the user's says, as it is."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", "")).strip() or "it does not fit"
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "this is needed"
    if kind in _SENTENCES:
        return (
            _SENTENCES[kind]
            .format(**context)
            .replace(" 1 are ", " 1 is ")
            .replace(" 1 characters are ", " 1 character is ")
        )
    said = str(error["msg"])
    return said[:1].lower() + said[1:]
