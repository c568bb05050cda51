"""How options are declared, and how a class of options becomes a function's parameters.

A declaration is a frozen dataclass whose fields are annotated with an `Option`. `takes(declaration)` gives a function these
fields as its parameters: for a type checker (through the class's constructor), for `inspect.signature`, and in its docstring.
Prefect makes its form from that; `flows/cli/options.py` makes the command's options from the same declaration.
"""

from __future__ import annotations

import inspect
import os.path
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, ParamSpec, TypeVar, cast, get_args, get_origin, get_type_hints

from research.faults import nearest

P = ParamSpec("P")
R = TypeVar("R")

REQUIRED: Final = MISSING
"""The default of an option that has none."""


@dataclass(frozen=True, slots=True)
class Option:
    """What describes an option beside its name, its type and its default."""

    help: str
    """Plain text; between back-ticks stands what is typed. The UI's form, `--help`, docstrings and docs/cli.md show it."""
    value: str | None = None
    """What stands for its value in the docs: `FILE`."""
    within: tuple[int, int] | None = None
    """The least and the most of a number."""
    at_least: int | None = None
    above: float | None = None
    flag: str | None = None
    """The command's name for it, without the dashes, if it is not the field's."""
    commas: bool = False
    """Whether the command takes a list as one text with commas; otherwise its option may be given several times."""
    parts: type | None = None
    """Of an option that is an object: the declaration of its parts, each of which is an option of the command."""
    path: bool = False
    """Whether it names a file or a folder: then a `~` at its beginning is the home folder, as a shell would read it."""

    @property
    def text(self) -> str:
        """The help, with the range of a number."""
        return self.help if self.within is None else f"{self.help} From {self.within[0]} to {self.within[1]:,}."


class Declared(NamedTuple):
    """One option of a declaration."""

    name: str
    type: Any
    default: Any
    option: Option
    group: str
    """The part of the declaration that it belongs to, in a word."""
    positional: bool


class Declaration:
    """What all options of a flow or a command, taken together, inherit from: a `~` in a path is the home folder."""

    def __post_init__(self) -> None:
        for each in declared(cast(type, type(self))):
            if each.option.path:
                object.__setattr__(self, each.name, _from_home(getattr(self, each.name)))


@cache
def declared(options: type) -> tuple[Declared, ...]:
    """The options of a declaration, in their order."""
    return tuple(_declared(options, field.name, field.default, not field.kw_only) for field in fields(options))


def names(options: type) -> tuple[str, ...]:
    """The names of a declaration's options."""
    return tuple(option.name for option in declared(options))


def values(options: Any, of: type, *, but: Iterable[str] = ()) -> dict[str, Any]:
    """The values of the options of one part, by name.

    Args:
        options: an instance of a declaration.
        of: the part: its class, or one that it inherits from.
        but: names that are left out.
    """
    return {name: getattr(options, name) for name in names(of) if name not in but}


def takes(options: Callable[P, object]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function the parameters of a declaration.

    Args:
        options: the declaration.
    """
    from pydantic import Field  # beside Prefect, which has imported it; the command's help needs none of this

    def annotation(declared_: Declared) -> Any:
        option = declared_.option
        least, most = option.within or (option.at_least, None)
        kind = _as_object(declared_.type, option.parts) if option.parts else declared_.type
        bounds: dict[str, Any] = {
            name: bound for name, bound in (("ge", least), ("le", most), ("gt", option.above)) if bound is not None
        }
        # Prefect makes the parameter's name the title, and its forms have no headings (3.8.8): so the title says the group.
        title: dict[str, Any] = {"title": f"{declared_.group} · {declared_.name}"} if declared_.group else {}
        return Annotated[kind, Field(**bounds, json_schema_extra=title)]

    def give(function: Callable[..., R]) -> Callable[P, R]:
        parameters = [
            inspect.Parameter(
                each.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD if each.positional else inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if each.default is REQUIRED else each.default,
                annotation=annotation(each),
            )
            for each in sorted(declared(cast(type, options)), key=lambda each: not each.positional)
        ]
        returns = function.__annotations__.get("return", inspect.Signature.empty)
        function.__dict__["__signature__"] = inspect.Signature(parameters, return_annotation=returns)
        function.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": returns}
        function.__doc__ = _docstring(inspect.cleandoc(function.__doc__ or ""), declared(cast(type, options)))
        return cast("Callable[P, R]", function)

    return give


def refuse_unknown(options: type, names: Iterable[str]) -> None:
    """See that all options that are stated are declared.

    Raises:
        TypeError: one is not, as of any function of Python; names the one that was probably meant.
    """
    known = [each.name for each in declared(options)]
    for name in names:
        if name not in known:
            raise TypeError(f"there is no option {name!r}{nearest(name, known)}")


def _declared(options: type, name: str, default: Any, positional: bool) -> Declared:
    """One option. A class may change the type of an inherited field; its description stays the inherited one."""
    kind, found, group = None, None, ""
    for base in options.__mro__:
        if name not in inspect.get_annotations(base):
            continue
        hint = _hints(base)[name]
        parts = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        kind = parts[0] if kind is None else kind
        found = found or next((extra for extra in parts[1:] if isinstance(extra, Option)), None)
        group = getattr(base, "group", "")
    if found is None:
        raise TypeError(f"{options.__name__}.{name} is declared without an Option")
    return Declared(name, kind, default, found, group, positional)


@cache
def _hints(options: type) -> dict[str, Any]:
    """The types of a class's fields: all of them are evaluated at once, so once a class and not once an option."""
    return get_type_hints(options, include_extras=True)


def _as_object(kind: Any, parts: type) -> Any:
    """A type whose JSON Schema has the parts as its properties. Its values are checked by what they are made for."""
    from pydantic import TypeAdapter, WithJsonSchema

    properties = {
        part.name: TypeAdapter(_without_none(part.type)).json_schema() | {"title": part.name, "description": part.option.text}
        for part in declared(parts)
    }
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return Annotated[_without_none(kind), WithJsonSchema(schema)] | None


def _from_home(value: Any) -> Any:
    """A path, or each of several, with the home folder for a `~`: no shell reads it in a form or in `--out=~/runs`."""
    if isinstance(value, list):
        return [_from_home(each) for each in value]
    return os.path.expanduser(value) if isinstance(value, str) else value  # noqa: PTH111 - a URL or JSON stays as it is


def _without_none(kind: Any) -> Any:
    return next(each for each in get_args(kind) if each is not type(None))


def _docstring(text: str, options: Iterable[Declared]) -> str:
    """A docstring with the section `Args`, before what is raised."""
    head, raises, tail = text.partition("\n\nRaises:")
    return "\n".join([head, "", "Args:", *(f"    {each.name}: {each.option.text}" for each in options)]) + raises + tail
