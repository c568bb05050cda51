"""How the command spells declared options, and how what is typed becomes a declaration's instance."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from flows.cli.terminal import Output
from flows.run.declaration import REQUIRED, Declared, Option, declared

T = TypeVar("T")


class Argument(NamedTuple):
    """One option of a command."""

    name: str
    """As it is typed: `--max-cost`, or `TABLE`."""
    option: Declared
    part_of: str | None
    """The option whose value is an object of which this is a part."""

    @property
    def key(self) -> str:
        """A Python name that no other argument has."""
        return self.option.name if self.part_of is None else f"{self.part_of}__{self.option.name}"


def arguments(options: type) -> Iterator[Argument]:
    """The options of the command for a declaration."""
    for option in sorted(declared(options), key=lambda option: not option.positional):
        if option.option.parts is not None:
            yield from (Argument(_flag(part), part, option.name) for part in declared(option.option.parts))
        else:
            yield Argument(option.name.upper() if option.positional else _flag(option), option, None)


def as_command(options: type[T]) -> Callable[[Callable[[T, Output], int]], Callable[..., int]]:
    """Make a command of a function that takes a declaration's instance.

    Args:
        options: the declaration.
    """
    known = tuple(arguments(options))
    groups = list(dict.fromkeys(each.option.group for each in known))
    parameters = [_parameter(each, groups.index(each.option.group)) for each in known]
    parameters.append(inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, default=Output(), annotation=Output))

    def make(function: Callable[[T, Output], int]) -> Callable[..., int]:
        def command(*positional: Any, output: Output = Output(), **typed: Any) -> int:  # noqa: B008  # frozen
            typed |= dict(zip((each.key for each in known), positional, strict=False))
            return function(options(**_read(known, typed)), output)

        command.__dict__["__signature__"] = inspect.Signature(parameters)
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return make


def _read(known: tuple[Argument, ...], typed: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for each in known:
        value = typed.get(each.key, each.option.default)
        if isinstance(value, tuple):
            value = list(value) or None
        elif each.option.option.commas and value is not None:
            value = [name for part in value.split(",") if (name := part.strip())] or None
        if each.part_of is None:
            read[each.option.name] = value
        elif value is not None:
            read[each.part_of] = {**(read.get(each.part_of) or {}), each.option.name: value}
    return read


def _flag(option: Declared) -> str:
    return "--" + (option.option.flag or option.name.replace("_", "-"))


def _parameter(argument: Argument, order: int) -> inspect.Parameter:
    option = argument.option
    kind, default = _typed(option.type, option.option), option.default
    several = kind == tuple[str, ...]
    default = () if several else default
    spelled = Parameter(
        name=None if option.positional else (argument.name,),
        help=option.option.text,
        negative="",
        validator=_bounds(option.option),
        show_default=False if default in (False, ()) else None,
        metavar=f"{option.option.value}..." if several and option.option.value else option.option.value,
    )
    annotation: Any = Annotated[kind, spelled]
    if not option.positional:
        annotation = Annotated[annotation, Parameter(group=Group(option.group, sort_key=order))]
    return inspect.Parameter(
        argument.key,
        inspect.Parameter.POSITIONAL_ONLY if option.positional else inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is REQUIRED else default,
        annotation=annotation,
    )


def _typed(kind: Any, option: Option) -> Any:
    """The type of what is typed: text where text will do, several texts for a list."""
    choices = get_args(kind)
    if list[str] in (kind, *choices):
        return str | None if option.commas else tuple[str, ...]
    if get_origin(kind) is not None and str in choices:
        return str | None if type(None) in choices else str
    return kind


def _bounds(option: Option) -> Number | None:
    least, most = option.within or (option.at_least, None)
    return None if least is most is option.above is None else Number(gte=least, lte=most, gt=option.above)
