"""The running set-up as a provisioning file: the inverse of ``apply``.

Applied to an empty database it makes the same set-up; applied to the one it came from, nothing to do. Keys,
passwords and the rights of superusers are no part of it; addresses of webhooks and calendars are, secret or not.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from config.provisioning import calendars, public, severities
from config.provisioning.reading import UNITS
from incidents import heartbeats
from incidents.models import AlertSource, Heartbeat, Severity
from oncall import plans, schedules
from oncall.models import EscalationPolicy, PortalSettings, Schedule, Service, Step, StepTarget, Team, User
from statuspage.models import MAIN, Component, StatusPage, Template

Form = dict[str, Any]


def export() -> dict[str, Any]:
    """Every section in the file's order, its entries in the order of their names."""
    return {
        "users": _users(),
        "teams": _teams(),
        "schedules": _schedules(),
        "holidays": calendars.exported_holidays(),
        "absences": calendars.exported_absences(),
        "policies": _policies(),
        "severities": _severities(),
        "services": _services(),
        "sources": _sources(),
        "heartbeats": _heartbeats(),
        "pages": _pages(),
        "components": _components(),
        "templates": _templates(),
        "settings": _settings(),
    }


def duration(value: timedelta) -> str:
    """``90m``: the longest unit of which it is a whole number."""
    for unit in reversed(UNITS):
        one = timedelta(**{UNITS[unit]: 1})
        if value % one == timedelta(0) and (value or unit == "s"):
            return f"{value // one}{unit}"
    return f"{round(value.total_seconds())}s"


def _users() -> list[Form]:
    people = User.objects.order_by("username").prefetch_related("groups", "contacts", "rules__contact")
    return [_user(person) for person in people]


def _user(person: User) -> Form:
    form: Form = {
        "username": person.username,
        "name": person.get_full_name(),
        "email": person.email,
        "time_zone": person.time_zone,
    }
    form |= {} if person.is_active else {"active": False}
    groups = sorted(group.name for group in person.groups.all())
    form |= {"groups": groups} if groups else {}
    form |= {} if person.is_staff == bool(groups) else {"staff": person.is_staff}
    if person.quiet_from and person.quiet_to:
        hours = {"from": f"{person.quiet_from:%H:%M}", "to": f"{person.quiet_to:%H:%M}"}
        form |= {"quiet_hours": hours}
    contacts = [
        {"name": contact.name, "medium": contact.medium, "address": contact.address}
        | ({} if contact.verified_at else {"verified": False})
        for contact in person.contacts.all()
    ]
    form |= {"contacts": contacts} if contacts else {}
    rules: dict[str, list[Form]] = {}
    for rule in person.rules.all():
        rules.setdefault(rule.urgency, []).append(
            {"after": duration(rule.after), "contact": rule.contact.name}
        )
    return form | ({"rules": rules} if rules else {})


def _teams() -> list[Form]:
    return [
        {
            "slug": team.slug,
            "name": team.name,
            "members": sorted(person.username for person in team.members.all()),
            "admins": sorted(person.username for person in team.admins.all()),
        }
        for team in Team.objects.order_by("slug").prefetch_related("members", "admins")
    ]


def _schedules() -> list[Form]:
    rows = list(Schedule.objects.order_by("slug").select_related("team").prefetch_related("imports"))
    forms = schedules.to_forms(rows)
    return [_named(row) | _team(row) | _short(forms[row.pk]) | _imports(row) for row in rows]


def _imports(row: Schedule) -> Form:
    found = calendars.exported_imports(row.imports.all())
    return {"calendars": found} if found else {}


def _short(form: Form) -> Form:
    """The form without what it may leave out."""
    layers = [{key: value for key, value in layer.items() if _says(layer, key)} for layer in form["layers"]]
    return {
        key: layers if key == "layers" else value for key, value in form.items() if value or key == "layers"
    }


def _says(layer: Form, key: str) -> bool:
    """Whether a layer's value is more than what its absence means."""
    if key == "start":
        return layer["start"] != layer["rotation"]["anchor"]
    if key == "advance":
        return layer["advance"] != "calendar"
    return key == "slots" or layer[key] not in (None, [], "")


def _policies() -> list[Form]:
    rows = EscalationPolicy.objects.order_by("slug").select_related("team")
    targets = ("steps__targets__user", "steps__targets__schedule", "steps__targets__team")
    return [_policy(row) for row in rows.prefetch_related(*targets)]


def _policy(row: EscalationPolicy) -> Form:
    form = _named(row) | _team(row) | {"repeat": row.repeat}
    form |= {"ack_timeout": duration(row.ack_timeout)} if row.ack_timeout else {}
    form |= {} if row.ack_grace == plans.ACK_GRACE else {"ack_grace": duration(row.ack_grace)}
    form |= {"wait_for_duty": True} if row.wait_for_duty else {}
    return form | {"steps": [_step(step) for step in row.steps.all()]}


def _step(step: Step) -> Form:
    form: Form = {
        "after": duration(step.after),
        "targets": [_target(target) for target in step.targets.all()],
    }
    form |= {"round_robin": True} if step.round_robin else {}
    form |= {"everyone_acknowledges": True} if step.everyone else {}
    if not step.hours:
        return form
    hours = {"time_zone": step.time_zone, "restrictions": step.hours, "outside": step.outside_hours}
    return form | {"hours": hours}


def _target(target: StepTarget) -> Form:
    if target.user:
        return {"user": target.user.username}
    if target.schedule:
        return {"schedule": target.schedule.slug}
    return {"team": target.team.slug} if target.team else {"webhook": target.webhook}


def _severities() -> list[Form]:
    """None where nobody has changed what every portal begins with."""
    rows = Severity.objects.select_related("policy") if Severity.history.exists() else ()
    return [_severity(row) for row in rows]


def _severity(row: Severity) -> Form:
    form = _named(row) | {"rank": row.rank} | _described(row) | {"urgency": row.urgency}
    form |= {"policy": row.policy.slug} if row.policy else {}
    form |= {"ack_timeout": duration(row.ack_timeout)} if row.ack_timeout else {}
    form |= {name: duration(getattr(row, name)) for name in severities.LENGTHS}
    form |= {name: getattr(row, name) for name in severities.FLAGS}
    return form | {"required_roles": row.required_roles}


def _services() -> list[Form]:
    rows = Service.objects.order_by("slug").select_related("team", "policy").prefetch_related("runbooks")
    return [_service(row) for row in rows]


def _service(row: Service) -> Form:
    form = _named(row) | _described(row) | _team(row)
    form |= {"policy": row.policy.slug} if row.policy else {}
    form |= {"audience": row.audience, "critical": row.critical}
    runbooks = sorted(({"title": book.title, "url": book.url} for book in row.runbooks.all()), key=str)
    return form | ({"runbooks": runbooks} if runbooks else {})


def _sources() -> list[Form]:
    rows = AlertSource.objects.exclude(dialect=heartbeats.OURS).order_by("slug").select_related("service")
    return [_source(row) for row in rows.annotate(live=Count("keys", filter=Q(keys__revoked_at=None)))]


def _source(row: AlertSource) -> Form:
    form = _named(row) | {"dialect": row.dialect}
    form |= {"service": row.service.slug} if row.service else {}
    form |= {} if row.active else {"active": False}
    return form if row.live else form | {"key": None}


def _heartbeats() -> list[Form]:
    return [_heartbeat(row) for row in Heartbeat.objects.order_by("slug").select_related("service")]


def _heartbeat(row: Heartbeat) -> Form:
    form = _named(row) | ({"service": row.service.slug} if row.service else {})
    form |= {"interval": duration(row.interval), "grace": duration(row.grace), "severity": row.severity}
    form |= {"muted": row.muted_because} if row.muted_because else {}
    return form if row.key_hash else form | {"key": None}


def _pages() -> list[Form]:
    """Passwords, keys and logos are no part of it: a page with a password needs one before it can be made anew.

    The main page is left out while nobody has set anything of it: it is made by itself.
    """
    untouched = _status_page(StatusPage(slug=MAIN, name=settings.ORGANISATION))
    forms = [_status_page(row) for row in StatusPage.objects.order_by("pk")]
    return [form for form in forms if form != untouched]


def _status_page(row: StatusPage) -> Form:
    form = _named(row) | ({} if row.is_public else {"audience": row.audience})
    told = {name: getattr(row, name) for name in public.OF_A_PAGE}
    if row.language != StatusPage._meta.get_field("language").get_default():
        told["language"] = row.language
    return form | {name: value for name, value in told.items() if value}


def _components() -> list[Form]:
    """Page by page, groups before what they hold, so that each is known when it is named."""
    return [form for page in StatusPage.objects.order_by("pk") for form in _components_of(page)]


def _components_of(page: StatusPage) -> list[Form]:
    rows = page.components.select_related("parent", "service")
    held: dict[int | None, list[Component]] = {}
    for row in rows.order_by("position", "slug"):
        held.setdefault(row.parent_id, []).append(row)
    ordered, waiting = [], [None]
    while waiting:
        children = held.get(waiting.pop(0), [])
        ordered += children
        waiting += [child.pk for child in children if child.is_group]
    on = {} if page.is_main else {"page": page.slug}
    return [_component(row) | on for row in ordered]


def _component(row: Component) -> Form:
    form = _named(row) | _described(row)
    form |= {"is_group": True} if row.is_group else {}
    form |= {"group": row.parent.slug} if row.parent else {}
    form |= {"service": row.service.slug} if row.service else {}
    form |= {"position": row.position, "showcase": row.showcase}
    form |= {"only_show_if_degraded": True} if row.only_show_if_degraded else {}
    return form | ({} if row.visible else {"visible": False})


def _templates() -> list[Form]:
    rows = Template.objects.filter(page=StatusPage.main()).order_by("slug").prefetch_related("components")
    return [_template(row) for row in rows]


def _template(row: Template) -> Form:
    form = _named(row) | {"kind": row.kind, "body": row.body}
    form |= {name: value for name in ("title", "status") if (value := getattr(row, name))}
    form |= {"component_status": row.component_status}
    return form | {"components": sorted(each.slug for each in row.components.all())}


def _settings() -> Form:
    row = PortalSettings.load()
    policy, person = row.incident_manager_policy, row.catch_all
    form = {
        "incident_manager_policy": policy and policy.slug,
        "catch_all": person and {"user": person.username},
        "channel_template": row.channel_template,
        "bridge_template": row.bridge_template,
    }
    return {key: value for key, value in form.items() if value}


def _named(row: Any) -> Form:
    return {"slug": row.slug, "name": row.name}


def _described(row: Any) -> Form:
    return {"description": row.description} if row.description else {}


def _team(row: Any) -> Form:
    return {"team": row.team.slug} if row.team else {}
