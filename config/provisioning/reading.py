"""Reading a provisioning file so that every fault can be told with its line."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import yaml

LARGEST = 5 * 1024 * 1024
LARGEST_NUMBER = 2**63
DURATION = re.compile(r"(\d{1,8})([smhd])")
TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class ProvisioningError(Exception):
    """A fault of the file: where it stands and what to do about it."""

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class Mapping(dict):
    """A mapping that knows the line (from 1) on which it and each of its keys stand."""

    line: int
    lines: dict[str, int]


class Sequence(list):
    """A list that knows the line (from 1) of each of its items."""

    line: int
    lines: list[int]


class _Loader(yaml.SafeLoader):
    """Safe YAML; dates stay text, since a local time must not be read as UTC."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Mapping:
    found = Mapping()
    found.line = node.start_mark.line + 1
    found.lines = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        line = key_node.start_mark.line + 1
        if key in found:
            raise ProvisioningError(f"{key!r} stands here twice.", line=line)
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = line
    return found


def _sequence(loader: _Loader, node: yaml.SequenceNode) -> Sequence:
    found = Sequence(loader.construct_object(item, deep=True) for item in node.value)
    found.line = node.start_mark.line + 1
    found.lines = [item.start_mark.line + 1 for item in node.value]
    return found


def _scalar(tag: str, may_be_kept: Callable[[Any], bool]) -> Callable[[_Loader, yaml.Node], Any]:
    """A constructor that refuses, with its line, what is not what it says, and what no database keeps."""
    construct = yaml.SafeLoader.yaml_constructors[tag]

    def read(loader: _Loader, node: yaml.Node) -> Any:
        with suppress(ValueError, KeyError, OverflowError):
            value = construct(loader, node)
            if may_be_kept(value):
                return value
        told = node.value if len(node.value) <= 40 else f"{node.value[:40]}…"
        raise ProvisioningError(
            f"{told!r} cannot be kept: it is broken or too large.", line=node.start_mark.line + 1
        )

    return read


def _is_whole(text: str) -> bool:
    """Without NUL and half characters, on which ``encode`` raises a ValueError."""
    return "\0" not in text and text.encode() is not None


for _tag, _check in {
    "str": _is_whole,
    "int": lambda number: abs(number) < LARGEST_NUMBER,
    "float": lambda number: True,
    "bool": lambda flag: True,
    "timestamp": lambda moment: True,
}.items():
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _scalar(f"tag:yaml.org,2002:{_tag}", _check))
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG, _sequence)


def read(path: Path) -> Mapping:
    """The file as mappings and sequences with lines. Raises ProvisioningError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProvisioningError(f"The file cannot be read: {error.strerror}.") from None
    if len(content) > LARGEST:
        raise ProvisioningError("The file is larger than 5 MB.")
    try:
        document = yaml.load(content.decode("utf-8"), Loader=_Loader)  # noqa: S506 (a safe loader)
    except UnicodeDecodeError:
        raise ProvisioningError("The file is not UTF-8 text.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ProvisioningError(
            f"This is not YAML: {getattr(error, 'problem', None) or error}.",
            line=mark.line + 1 if mark else None,
        ) from None
    except RecursionError:
        raise ProvisioningError("The file is nested too deeply.") from None
    if document is None:
        document = Mapping()
        document.line, document.lines = 1, {}
    if not isinstance(document, Mapping):
        raise ProvisioningError(
            "The file must be a mapping with keys such as users, teams, services.", line=1
        )
    return document


class Item:
    """One entry of a section, read key by key; a key that nobody read is a fault, so typing errors are found."""

    def __init__(self, value: Any, line: int, what: str) -> None:
        if not isinstance(value, Mapping):
            raise ProvisioningError(f"{what} must be a mapping.", line=line)
        self.value, self.line, self.what = value, line, what
        self.read: set[str] = set()

    def fault(self, reason: str, key: str = "") -> ProvisioningError:
        return ProvisioningError(reason, line=self.value.lines.get(key, self.line))

    def line_of(self, place: str) -> int:
        """The line of ``layers[0].rotation.length`` below this entry, or of the nearest above that is there."""
        value, line = self.value, self.line
        for part in re.findall(r"[^.\[\]]+", place):
            if isinstance(value, Mapping) and part in value:
                value, line = value[part], value.lines[part]
            elif isinstance(value, Sequence) and part.isdecimal() and int(part) < len(value):
                value, line = value[int(part)], value.lines[int(part)]
            else:
                break
        return line

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return self.value.get(key, default)

    def text(self, key: str, default: str | None = None, *, most: int = 200) -> str:
        value = self.get(key, default)
        if value is None:
            raise self.fault(f"{self.what} needs {key!r}.")
        if not isinstance(value, str | int | float) or isinstance(value, bool) or len(str(value)) > most:
            raise self.fault(f"{key!r} must be text of at most {most} characters.", key)
        return str(value).strip()

    def name(self, key: str) -> str | None:
        """The name of something else; None where there is none, or an empty one."""
        return None if self.get(key) is None else self.text(key) or None

    def slug(self, *, most: int = 50) -> str:
        value = self.text("slug", most=most)
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", value):
            raise self.fault(f"'slug' may hold letters, digits, - and _ only, not {value!r}.", "slug")
        return value

    def username(self) -> str:
        value = self.text("username", most=150)
        if not re.fullmatch(r"[\w.@+-]+", value):
            raise self.fault(
                f"'username' may hold letters, digits and @.+-_ only, not {value!r}.", "username"
            )
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self.fault(f"{key!r} must be true or false.", key)
        return value

    def whole(self, key: str, default: int, *, most: int) -> int:
        value = self.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise self.fault(f"{key!r} must be a whole number from 0 to {most}.", key)
        return value

    def choice(self, key: str, default: str, choices: list[str]) -> str:
        value = self.get(key, default)
        if value not in choices:
            raise self.fault(f"{key!r} must be one of {', '.join(choices)}, not {value!r}.", key)
        return value

    def duration(self, key: str, default: str | None = None) -> timedelta | None:
        value = self.get(key, default)
        if value is None:
            return None
        match = DURATION.fullmatch(str(value))
        if not match or int(match[1]) * timedelta(**{UNITS[match[2]]: 1}) > timedelta(days=366):
            raise self.fault(
                f"{key!r} must be a length of time such as 30s, 5m, 1h or 7d, not {value!r}.", key
            )
        return timedelta(**{UNITS[match[2]]: int(match[1])})

    def time_of_day(self, key: str) -> time:
        """``"22:00"``. Without quotes YAML reads 22:00 as a number, which is said here."""
        value = self.text(key, most=20)
        match = TIME_OF_DAY.fullmatch(value)
        if not match:
            raise self.fault(f'{key!r} must be a time of day in quotes, such as "22:00", not {value!r}.', key)
        return time(int(match[1]), int(match[2]))

    def items(self, key: str, what: str) -> list["Item"]:
        value = self.get(key, None)
        if value is None:
            return []
        if not isinstance(value, Sequence):
            raise self.fault(f"{key!r} must be a list.", key)
        return [Item(entry, line, what) for entry, line in zip(value, value.lines, strict=True)]

    def names(self, key: str) -> list[tuple[str, int]]:
        value = self.get(key, None)
        if value is None:
            return []
        if not isinstance(value, Sequence):
            raise self.fault(f"{key!r} must be a list of names.", key)
        for name, line in zip(value, value.lines, strict=True):
            if not isinstance(name, str | int):
                raise ProvisioningError(f"{key!r} must be a list of names.", line=line)
        return [(str(name), line) for name, line in zip(value, value.lines, strict=True)]

    def done(self) -> None:
        """Refuse what is left over."""
        unknown = [key for key in self.value if key not in self.read]
        if unknown:
            known = ", ".join(sorted(self.read))
            raise self.fault(f"Unknown key {unknown[0]!r} in {self.what}. Known: {known}.", unknown[0])


def refuse_twice(items: list[Item], key: str, *, what: str, within: str = "") -> None:
    """Refuse two entries of a list with one ``key``, and name both lines; ``within`` one value of another key."""
    lines: dict[tuple[str, str], int] = {}
    for item in items:
        name = str(item.value.get(key, "")).strip()
        line = item.value.lines.get(key, item.line)
        both = (str(item.value.get(within, "")) if within else "", name)
        if name and both in lines:
            raise ProvisioningError(
                f"There are two {what} entries with the {key} {name!r}, in lines {lines[both]} and {line}.",
                line=line,
            )
        lines[both] = line
