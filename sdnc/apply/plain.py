"""Data classes to and from the plain values of JSON, by the types that their fields are declared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


class BadPlain(ValueError):
    """A plain value is not what a type asks for; the message tells where."""


def to_plain(value: object) -> object:
    """A value of data classes, mappings, tuples and sets as objects and lists; sets are sorted."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(each) for name, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [to_plain(each) for each in value]
    return value


def from_plain(kind: type[Kind], value: object) -> Kind:
    """The value of a data class that `to_plain` made plain.  Raises `BadPlain`."""
    read: Kind = _read(kind, value, kind.__name__)
    return read


def _read(kind: Any, value: object, where: str) -> Any:
    origin, parameters, make = get_origin(kind), get_args(kind), kind
    if origin in (Union, UnionType):
        (other,) = (each for each in parameters if each is not NoneType)
        return None if value is None else _read(other, value, where)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        if not isinstance(value, dict) or value.keys() != hints.keys():
            raise BadPlain(f"{where} has not the members {', '.join(hints)}")
        return make(**{name: _read(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})
    if origin in (tuple, frozenset):
        if not isinstance(value, list):
            raise BadPlain(f"{where} is no list")
        return origin(_read(parameters[0], each, where) for each in value)
    if origin is not None:  # a mapping
        if not isinstance(value, dict):
            raise BadPlain(f"{where} is no object")
        return {_key(parameters[0], name, where): _read(parameters[1], value[name], where) for name in value}
    if type(value) is not kind:
        raise BadPlain(f"{where} is no {kind.__name__}")
    return value


def _key(kind: type[Any], name: str, where: str) -> Any:
    try:
        return kind(name)
    except ValueError as reason:
        raise BadPlain(f"{where}: {name!a} is no {kind.__name__}") from reason
