"""The checker behind ``test_architecture.py``: reads the source, imports none of it.

Each rule takes one module and yields sentences about what is wrong in it. Source: docs/architecture.md.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: From the ground up: a floor imports only floors that stand before it.
FLOORS = ["oncall.messaging", "oncall", "incidents", "statuspage", "postmortems", "config"]
EDGES = {"admin", "api", "views", "webhooks", "edges", "urls", "forms"}
WIRING = {"apps", "templatetags", "management"}

EGRESS = "oncall.messaging.egress"
RENDER = "oncall.messaging.render"
CLOCK = "oncall.clock"
HTTP_CLIENTS = {
    "aiohttp",
    "http.client",
    "httpcore",
    "httpx",
    "requests",
    "urllib.request",
    "urllib3",
    "pycurl",
}
PUBLISHERS = {"delay", "apply_async", "send_task"}
RELATIONS = {"ForeignKey", "OneToOneField", "ManyToManyField", "get_model"}


@dataclass(frozen=True)
class Module:
    """One Python file of the product: its dotted name, its syntax tree, and the names of all others."""

    name: str
    tree: ast.Module
    known: frozenset[str]
    is_package: bool = False

    @property
    def parts(self) -> set[str]:
        return set(self.name.split(".")[1:])

    @property
    def is_domain(self) -> bool:
        """Neither wiring nor an edge: what edges call."""
        return floor_of(self.name) != "config" and not self.parts & (EDGES | WIRING)

    def imports(self) -> Iterator[tuple[int, str]]:
        """(line, dotted name) of every import; ``from a import b`` is ``a.b`` where that is a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    whole = f"{base}.{alias.name}"
                    yield node.lineno, whole if self._is_module(whole) else base

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".")
        cut = node.level - 1 if self.is_package else node.level
        return ".".join([*package[: len(package) - cut], *filter(None, [node.module])])

    def _is_module(self, name: str) -> bool:
        return name in self.known or name in HTTP_CLIENTS


def product() -> list[Module]:
    """Every Python file of the five floors."""
    paths = _files("*.py")
    known = frozenset(_dotted(path) for path in paths)
    return [
        Module(_dotted(path), ast.parse(path.read_text("utf-8")), known, path.name == "__init__.py")
        for path in paths
    ]


def _files(pattern: str) -> list[Path]:
    tops = sorted({floor.split(".")[0] for floor in FLOORS})
    return [path for top in tops for path in sorted((ROOT / top).rglob(pattern)) if path.is_file()]


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(name: str) -> str | None:
    """The floor a dotted name stands on; None for what is not ours."""
    matches = [floor for floor in FLOORS if name == floor or name.startswith(floor + ".")]
    return max(matches, key=len, default=None)


# -- rules about one module --------------------------------------------------------------------------------
def imports_only_downward(module: Module) -> Iterator[str]:
    """A floor imports its own and lower floors; so nobody imports config either."""
    own = FLOORS.index(floor_of(module.name))
    for line, name in module.imports():
        floor = floor_of(name)
        if floor and FLOORS.index(floor) > own:
            yield f"{module.name}:{line}: {FLOORS[own]} imports {name} from a floor above"


def relates_only_downward(module: Module) -> Iterator[str]:
    """Neither ``ForeignKey("incidents.Incident")`` from below, nor a generic relation that hides one."""
    own = FLOORS.index(floor_of(module.name))
    labels = {floor.rsplit(".", 1)[-1]: position for position, floor in enumerate(FLOORS)}
    for node in _calls(module):
        if _callee(node) in {"GenericForeignKey", "GenericRelation"}:
            yield f"{module.name}:{node.lineno}: a generic relation hides which floor it reaches"
        if _callee(node) not in RELATIONS:
            continue
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
            if labels.get(text.split(".")[0], -1) > own and ("." in text or _callee(node) == "get_model"):
                yield f"{module.name}:{node.lineno}: refers to {text!r} on a floor above"


def imports_at_the_top(module: Module) -> Iterator[str]:
    """No import inside a function, but in ``AppConfig.ready``: Django has no models before it."""
    for function in ast.walk(module.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if module.name.endswith(".apps") and getattr(function, "name", "") == "ready":
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{module.name}:{node.lineno}: import inside a function"


def leaves_edges_alone(module: Module) -> Iterator[str]:
    """Edges call domain modules, never the reverse."""
    if not module.is_domain:
        return
    for line, name in module.imports():
        if floor_of(name) and set(name.split(".")[1:]) & EDGES:
            yield f"{module.name}:{line}: a domain module imports the edge {name}"


def leaves_time_to_the_pulse(module: Module) -> Iterator[str]:
    """No work is parked in the broker: later is a due row."""
    for node in _calls(module):
        for keyword in node.keywords:
            if keyword.arg in {"eta", "countdown"}:
                yield f"{module.name}:{node.lineno}: {keyword.arg}= parks work in the broker"
        published = isinstance(node.func, ast.Attribute) and _callee(node) in PUBLISHERS
        if published and floor_of(module.name) != "config":
            yield f"{module.name}:{node.lineno}: .{_callee(node)}() publishes outside config"


def reads_no_clock(module: Module) -> Iterator[str]:
    """Only ``oncall.clock`` reads the clock; only edges and the pulse ask it."""
    if module.name == CLOCK or "migrations" in module.parts:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        spelt = f"{node.value.id}.{node.attr}"
        if spelt in {"datetime.now", "datetime.utcnow", "timezone.now", "date.today", "time.time"}:
            yield f"{module.name}:{node.lineno}: {spelt} instead of oncall.clock"
        if spelt == "clock.now" and module.is_domain:
            yield f"{module.name}:{node.lineno}: a domain module asks the clock; take `at` instead"


def leaves_http_to_egress(module: Module) -> Iterator[str]:
    """One module talks HTTP, behind the guard against requests to private addresses."""
    if module.name == EGRESS:
        return
    for line, name in module.imports():
        if name in HTTP_CLIENTS or name.split(".")[0] in HTTP_CLIENTS:
            yield f"{module.name}:{line}: {name} outside {EGRESS}"
    for node in _calls(module):
        to_host = (
            _callee(node) in {"connect", "connect_ex"}
            and node.args
            and isinstance(next(iter(node.args), 0), ast.Tuple)
        )
        if _callee(node) == "create_connection" or to_host:
            yield f"{module.name}:{node.lineno}: a socket connects outside {EGRESS}"


def leaves_markup_to_render(module: Module) -> Iterator[str]:
    """Text becomes markup in one place; everywhere else ``format_html``."""
    if module.name == RENDER:
        return
    for node in ast.walk(module.tree):
        spelt = getattr(node, "attr", None) or getattr(node, "id", None)
        made = isinstance(node, ast.Call) and _callee(node) == "SafeString"
        if made or spelt in {"mark_safe", "SafeText"}:
            yield f"{module.name}:{node.lineno}: {spelt or 'SafeString()'} outside {RENDER}"


def keeps_one_signal(module: Module) -> Iterator[str]:
    """``page_changed`` is the only way news travels up by itself, and has one receiver."""
    for node in _calls(module):
        if _callee(node) == "Signal" and module.name != "oncall.signals":
            yield f"{module.name}:{node.lineno}: a signal besides oncall.signals.page_changed"
    for node in ast.walk(module.tree):
        named = isinstance(node, ast.Name) and node.id == "page_changed"
        if named and floor_of(module.name) != "oncall" and module.name != "incidents.receivers":
            yield f"{module.name}:{node.lineno}: page_changed is received in incidents.receivers alone"


MODULE_RULES = [
    imports_only_downward,
    relates_only_downward,
    imports_at_the_top,
    leaves_edges_alone,
    leaves_time_to_the_pulse,
    reads_no_clock,
    leaves_http_to_egress,
    leaves_markup_to_render,
    keeps_one_signal,
]


def _calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))


def _callee(call: ast.Call) -> str:
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


# -- rules about all modules, templates, packages and migrations -------------------------------------------
def circles(modules: list[Module]) -> list[list[str]]:
    """Groups of modules that import each other."""
    needs = {module.name: {name for _, name in module.imports()} - {module.name} for module in modules}
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
        elif name not in done:
            for other in sorted(needs.get(name, ())):
                walk(other, [*path, name])
            done.add(name)

    for name in sorted(needs):
        walk(name, [])
    return found


UNSAFE_IN_TEMPLATES = [
    (re.compile(r"\|\s*safe(seq)?\b"), "|safe"),
    (re.compile(r"{%-?\s*autoescape\s+off"), "autoescape off"),
]
INLINE_IN_TEMPLATES = [
    (re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.I), "an inline script"),
    (re.compile(r"<style\b", re.I), "an inline style sheet"),
    (re.compile(r"<[^>]*\sstyle\s*=", re.I), "a style attribute"),
    (re.compile(r"<[^>]*\son[a-z]+\s*=", re.I), "an event attribute"),
    (re.compile(r"""(href|action)\s*=\s*["']?\s*javascript:""", re.I), "a javascript: link"),
]
TEMPLATE_COMMENT = re.compile(r"{#.*?#}|{%\s*comment.*?endcomment\s*%}", re.S)


def templates() -> dict[str, str]:
    """Path to text of every template of the product."""
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in _files("templates/**/*")}


def template_faults(path: str, text: str) -> Iterator[str]:
    """What escapes Django's escaping, or what the Content-Security-Policy would refuse.

    Mail (templates in a folder ``mail``) may carry styles: mail programs read no style sheets.
    """
    text = TEMPLATE_COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    rules = UNSAFE_IN_TEMPLATES + ([] if {"mail", "email"} & set(Path(path).parts) else INLINE_IN_TEMPLATES)
    for pattern, what in rules:
        for match in pattern.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {what}"


def requirement_faults(text: str) -> Iterator[str]:
    """An address in a lock file: every machine has its own package index."""
    for number, line in enumerate(text.splitlines(), start=1):
        if "://" in line or re.match(r"\s*(-i|--(extra-)?index-url|--find-links|--trusted-host)\b", line):
            yield f"line {number} names an address: {line.strip()}"


def branching(parents: dict[str, set[str]]) -> Iterator[str]:
    """Migrations of one app (name to the names it follows) that do not form a single chain."""
    followed: dict[str, str] = {}
    for name in sorted(parents):
        if len(parents[name]) > 1:
            yield f"{name} merges {' and '.join(sorted(parents[name]))}"
        for parent in parents[name]:
            if parent in followed:
                yield f"{name} and {followed[parent]} both follow {parent}"
            followed[parent] = name
