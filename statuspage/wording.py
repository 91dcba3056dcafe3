"""Pure: variables in the words of a template. ``{{name}}`` is replaced by a value, once; nothing is executed."""

import re
from collections.abc import Mapping

from oncall.messaging import render
from oncall.messaging.errors import DomainError

#: What the composer knows by itself; every other name is asked for.
KNOWN = {
    "components": "the affected components",
    "service": "the first affected component",
    "started_at": "since when",
    "next_update": "when the next update is promised",
    "page": "the name of the page",
    "scheduled_for": "when the maintenance begins",
    "scheduled_until": "when it ends",
}
HELP = (
    "Markdown. {{components}}, {{service}}, {{started_at}}, {{next_update}}, {{page}}, {{scheduled_for}} and "
    "{{scheduled_until}} fill themselves in; any other {{name}} is asked for."
)
LONGEST_VALUE = 2_000
_NAME = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}")
_BRACES = re.compile(r"\{\{.*?(?:\}\}|$)", re.DOTALL)
# What to do about a known name without a value.
_MISSING = {
    "components": "choose the affected components",
    "service": "choose the affected components",
    "next_update": "promise the next update",
}


def names(text: str) -> list[str]:
    """The variables of a text, each once, in order."""
    return list(dict.fromkeys(_NAME.findall(text)))


def asked(text: str) -> list[str]:
    """Those that a person has to give a value."""
    return [name for name in names(text) if name not in KNOWN]


def odd(text: str) -> str:
    """The first pair of braces that holds no plain name, as ``{{ user.email }}``; empty when there is none."""
    found = (match[0] for match in _BRACES.finditer(text))
    return next((each[:60] for each in found if not _NAME.fullmatch(each)), "")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced. Raises ``DomainError("variable_missing")``."""
    given = {name: value.strip() for name, value in values.items() if value and value.strip()}
    for name in names(text):
        if name not in given:
            what = _MISSING.get(name, "give it a value" if name not in KNOWN else "it is not known here")
            raise DomainError(
                "variable_missing", f"The text uses {{{{{name}}}}}: {what}, or take it out of the text."
            )
        if len(given[name]) > LONGEST_VALUE:
            raise DomainError(
                "too_long", f"The value of {{{{{name}}}}} has at most {LONGEST_VALUE:,} characters."
            )
    return render.fill(text, given)
