"""What a test must know of translations: how catalogues are written, and what the code asks them for."""

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.template import Context, engines
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils.text import unescape_string_literal
from django.utils.translation import trim_whitespace

from statuspage.models import Language

ROOT = Path(settings.BASE_DIR) / "statuspage"
TEMPLATES = ROOT / "templates"
TRANSLATED = [code for code in Language.values if code != "en"]
#: How the names of sentences are written in a compiled catalogue.
WITHIN = "\x04"
ARGUMENTS = {"gettext": 1, "ngettext": 2, "pgettext": 2, "npgettext": 3}


@dataclass(frozen=True)
class Entry:
    """A sentence of a catalogue with its translations: one, or one for each plural form."""

    name: str
    plural: str | None
    told: tuple[str, ...]
    flags: tuple[str, ...]


def written(language: str) -> list[Entry]:
    """The catalogue as translators write it; the first entry is its head."""
    text = (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").read_text()
    blocks = text.strip().split("\n\n")
    return [
        _entry(block) for block in blocks if not block.startswith("#~")
    ]  # kept for when they are asked for


def _entry(block: str) -> Entry:
    found: dict[str, str] = {}
    flags: tuple[str, ...] = ()
    key = ""
    for line in block.split("\n"):
        if line.startswith("#,"):
            flags += tuple(flag.strip() for flag in line[2:].split(","))
        elif not line.startswith("#"):
            start = re.match(r"[a-z_]+(\[\d])?(?= )", line)
            key = start[0] if start else key
            quoted = line[start.end() :].strip() if start else line
            found[key] = found.get(key, "") + unescape_string_literal(quoted).replace("\\n", "\n")
    within = f"{found['msgctxt']}{WITHIN}" if "msgctxt" in found else ""
    told = tuple(text for name, text in sorted(found.items()) if name.startswith("msgstr"))
    return Entry(within + found["msgid"], found.get("msgid_plural"), told, flags)


def compiled(language: str) -> dict:
    """The catalogue as the portal reads it."""
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)._catalog


def asked_for(*, console: bool) -> set[tuple[str, str | None]]:
    """Every sentence, with its plural, that the public face asks for, or the staff console, which is English."""
    paths = [path for path in ROOT.rglob("*.py") if _is_of_console(path) == console]
    found = {one for path in paths for one in _in_code(path)}
    templates = [path for path in TEMPLATES.rglob("*.html") if _is_of_console(path) == console]
    return found | {one for path in templates for one in _in_template(path)}


def _is_of_console(path: Path) -> bool:
    return not {"admin", "models", "migrations"}.isdisjoint(path.relative_to(ROOT).parts)


def _in_code(path: Path) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        kind = "gettext" if called == "_" else re.sub("_(lazy|noop)$", "", called)
        if kind in ARGUMENTS:
            given = [
                argument.value for argument in node.args[: ARGUMENTS[kind]]
            ]  # constants, or no catalogue
            within = f"{given.pop(0)}{WITHIN}" if "p" in kind[:2] else ""
            yield within + given[0], given[1] if "n" in kind[:1] or kind == "npgettext" else None


def _in_template(path: Path) -> Iterator[tuple[str, str | None]]:
    nodes = engines["django"].get_template(str(path.relative_to(TEMPLATES))).template.nodelist
    for node in nodes.get_nodes_by_type(TranslateNode):
        yield _within(node) + node.filter_expression.var.literal.replace("%", "%%"), None
    for node in nodes.get_nodes_by_type(BlockTranslateNode):
        tidy = trim_whitespace if node.trimmed else str
        plural = tidy(node.render_token_list(node.plural)[0]) if node.plural else None
        yield _within(node) + tidy(node.render_token_list(node.singular)[0]), plural


def _within(node: TranslateNode | BlockTranslateNode) -> str:
    return f"{node.message_context.resolve(Context())}{WITHIN}" if node.message_context else ""
