"""The house stands as docs/architecture.md says, and the checker would notice if it did not."""

import ast
import io
import re
import tomllib

import pytest
from django.core.management import call_command
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader

from tests import architecture as house

OURS = {"messaging", "oncall", "incidents", "statuspage", "postmortems"}
MODULES = house.product()
KNOWN = frozenset(module.name for module in MODULES) | {
    "incidents.lifecycle",
    "oncall.paging",
    "oncall.admin",
    "statuspage.publishing",
    "config.settings",
}


@pytest.mark.parametrize("rule", house.MODULE_RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule):
    assert [fault for module in MODULES for fault in rule(module)] == []


def test_no_modules_import_each_other_in_a_circle():
    assert house.circles(MODULES) == []


def test_templates_escape_everything_and_hold_nothing_inline():
    faults = [house.template_faults(path, text) for path, text in house.templates().items()]

    assert [fault for found in faults for fault in found] == []


def test_lock_files_name_no_address():
    files = sorted((house.ROOT / "requirements").glob("*.txt"))

    assert [fault for path in files for fault in house.requirement_faults(path.read_text())] == []
    assert [path.name for path in files] == ["apprise.txt", "dev.txt", "postgres.txt", "run.txt"]


def test_lock_files_hold_what_the_project_asks_for():
    project = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {
        "run": project["dependencies"],
        "apprise": [*project["dependencies"], *extras["apprise"]],
        "dev": [*project["dependencies"], *extras["dev"], *extras["postgres"]],
    }

    for name, wanted in asked.items():
        locked = set(
            re.findall(r"^([a-z0-9-]+)==", (house.ROOT / f"requirements/{name}.txt").read_text(), re.M)
        )
        assert {re.match(r"[\w-]+", line)[0].lower() for line in wanted} <= locked, "run `make lock`"


def test_migrations_of_each_app_form_one_chain():
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    ours = {key: node for key, node in loader.disk_migrations.items() if key[0] in OURS}

    for app in sorted(OURS):
        parents = {
            name: {parent for other, parent in node.dependencies if other == app}
            for (label, name), node in ours.items()
            if label == app
        }
        assert list(house.branching(parents)) == []


def test_one_step_and_the_long_way_lead_to_the_same_tables():
    short, long = (MigrationLoader(None, replace_migrations=replace) for replace in (True, False))

    in_one_step, step_by_step = short.project_state(), long.project_state()

    assert len(short.graph.nodes) < len(long.graph.nodes)
    both = MigrationAutodetector(step_by_step, in_one_step), MigrationAutodetector(in_one_step, step_by_step)
    assert [detector.changes(long.graph) for detector in both] == [{}, {}]


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, stdout=io.StringIO())


# -- the checker finds what it looks for -------------------------------------------------------------------
def module(name: str, source: str) -> house.Module:
    return house.Module(name, ast.parse(source), KNOWN)


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (house.imports_only_downward, "oncall.paging", "from incidents import lifecycle"),
        (house.imports_only_downward, "oncall.paging", "import incidents.lifecycle"),
        (house.imports_only_downward, "oncall.messaging.outbox", "from oncall import clock"),
        (house.imports_only_downward, "oncall.messaging.outbox", "from ..clock import now"),
        (house.imports_only_downward, "postmortems.drafting", "from config import settings"),
        (house.relates_only_downward, "oncall.models.paging", "x = ForeignKey('incidents.Incident')"),
        (house.relates_only_downward, "oncall.models.paging", "x = ForeignKey(to='incidents.Incident')"),
        (house.relates_only_downward, "oncall.paging", "apps.get_model('incidents', 'Incident')"),
        (house.relates_only_downward, "oncall.models.paging", "x = GenericForeignKey()"),
        (house.imports_at_the_top, "oncall.paging", "def page():\n    import json"),
        (house.imports_at_the_top, "oncall.apps", "def other():\n    import json"),
        (house.leaves_edges_alone, "incidents.lifecycle", "from oncall import admin"),
        (house.leaves_edges_alone, "incidents.lifecycle", "from oncall.edges.api import CursorPages"),
        (house.leaves_time_to_the_pulse, "config.celery", "task.apply_async(countdown=5)"),
        (house.leaves_time_to_the_pulse, "config.celery", "task.apply_async(eta=later)"),
        (house.leaves_time_to_the_pulse, "oncall.paging", "advance.delay()"),
        (house.reads_no_clock, "oncall.paging", "at = timezone.now()"),
        (house.reads_no_clock, "oncall.admin", "created = DateTimeField(default=timezone.now)"),
        (house.reads_no_clock, "oncall.paging", "at = clock.now()"),
        (house.leaves_http_to_egress, "oncall.messaging.mediums.webhook", "import httpx"),
        (house.leaves_http_to_egress, "oncall.paging", "from urllib import request"),
        (house.leaves_http_to_egress, "oncall.paging", "from urllib.request import urlopen"),
        (house.leaves_http_to_egress, "oncall.paging", "import http.client"),
        (house.leaves_http_to_egress, "oncall.paging", "socket.create_connection(address)"),
        (house.leaves_http_to_egress, "oncall.paging", "link.connect(('example.com', 80))"),
        (house.leaves_markup_to_render, "oncall.admin", "safestring.mark_safe(x)"),
        (house.leaves_markup_to_render, "oncall.admin", "mark_safe(x)"),
        (house.leaves_markup_to_render, "oncall.admin", "SafeString(x)"),
        (house.keeps_one_signal, "incidents.lifecycle", "incident_changed = Signal()"),
        (house.keeps_one_signal, "statuspage.publishing", "page_changed.connect(react)"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(rule, name, source):
    assert list(rule(module(name, source)))


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (house.imports_only_downward, "incidents.lifecycle", "from oncall.paging import page"),
        (house.imports_only_downward, "oncall.paging", "from oncall.messaging import outbox"),
        (house.imports_only_downward, "config.pulse", "from postmortems import actions"),
        (house.relates_only_downward, "incidents.models", "x = ForeignKey('oncall.Service', help_text='x')"),
        (house.imports_at_the_top, "incidents.apps", "def ready(self):\n    from incidents import receivers"),
        (house.leaves_edges_alone, "incidents.admin", "from oncall import admin"),
        (house.leaves_time_to_the_pulse, "config.celery", "task.delay()"),
        (house.reads_no_clock, "oncall.admin", "at = clock.now()"),
        (house.leaves_http_to_egress, "oncall.messaging.egress", "import httpx"),
        (house.leaves_http_to_egress, "oncall.messaging.doorbell", "bell.connect(str(path))"),
        (house.leaves_markup_to_render, "oncall.messaging.render", "mark_safe(x)"),
        (house.leaves_markup_to_render, "oncall.admin", "def name() -> SafeString: ..."),
        (house.keeps_one_signal, "incidents.receivers", "page_changed.connect(react)"),
    ],
)
def test_what_is_allowed_passes(rule, name, source):
    assert list(rule(module(name, source))) == []


def test_a_planted_circle_is_found():
    paging = module("oncall.paging", "from incidents import lifecycle")
    lifecycle = module("incidents.lifecycle", "from oncall import paging")

    circle = ["incidents.lifecycle", "oncall.paging", "incidents.lifecycle"]
    assert house.circles([paging, lifecycle]) == [circle]


@pytest.mark.parametrize(
    "text",
    [
        "{{ title|safe }}",
        "{% autoescape off %}",
        "<script>alert(1)</script>",
        "<style>p{}</style>",
        '<p\n style="color:red">',
        '<a onclick="go()">',
        '<a href="javascript:go()">',
    ],
)
def test_a_planted_template_fault_is_found(text):
    assert list(house.template_faults("oncall/templates/oncall/answer.html", text))


def test_mail_may_carry_styles_but_no_unescaped_text():
    assert list(house.template_faults("oncall/templates/oncall/mail/page.html", '<p style="margin:0">')) == []
    assert list(house.template_faults("oncall/templates/oncall/mail/page.html", "{{ title|safe }}"))


def test_a_script_from_our_own_files_passes():
    assert list(house.template_faults("a.html", '<script src="{% static "a.js" %}" defer></script>')) == []


@pytest.mark.parametrize("line", ["--index-url example", "-i example", "x @ git+ssh://example/x"])
def test_a_planted_address_is_found(line):
    assert list(house.requirement_faults(line))


def test_planted_branches_are_found():
    assert list(house.branching({"0002_a": {"0001"}, "0002_b": {"0001"}, "0001": set()}))
    assert list(house.branching({"0003": {"0002_a", "0002_b"}, "0002_a": set(), "0002_b": set()}))
