"""A private incident shows nowhere to those who may not see it: one table over every way to look.

Whoever adds a window to incidents adds a line. Each line is asked twice: by a person with every right but without
a part in the incident, who must find no trace of it, and by a participant, so that a line that shows nothing to
anybody is noticed.
"""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from incidents import communication, engagement, lifecycle, roles, search, tasks, timeline
from incidents.models import Alert, AlertSource, Incident
from oncall import clock, escalation
from oncall.models import EscalationPolicy, HandOverNote, Schedule, Service, Team, User

pytestmark = pytest.mark.django_db

FLOORS = ["messaging", "oncall", "incidents", "statuspage", "postmortems"]
PRIVATE = ["view_private_incident", "view_private_page"]
WORD = "xanthophyll"  # stands in everything the incident says, and in nothing else
ADMIN = "/admin/incidents/incident"
AUTOCOMPLETE = "/admin/autocomplete/?app_label=incidents&model_name=alert&field_name=incident&term=Leak"

# (what it is, how to ask, whether a participant finds the word there)
WINDOWS = [
    ("api list", "/api/v1/incidents/", True),
    ("api list, searched", "/api/v1/incidents/?search=Leak", True),
    ("api list, by tag", f"/api/v1/incidents/?tag={WORD}", True),
    ("api list, by role", "/api/v1/incidents/?role_user=ivy", True),
    ("api list, by service", "/api/v1/incidents/?service=vault&state=troubleshooting&open=true", True),
    ("api csv", "/api/v1/incidents/?format=csv", True),
    ("api incident", "/api/v1/incidents/{key}/", True),
    ("api timeline", "/api/v1/incidents/{key}/timeline/", True),
    ("api alerts", "/api/v1/alerts/", True),
    ("api alerts, of the incident", "/api/v1/alerts/?incident={key}", True),
    ("api alerts, searched", "/api/v1/alerts/?search=Leak", True),
    ("api post-mortems", "/api/v1/postmortems/", False),
    ("api actions", "/api/v1/actions/", False),
    ("admin first page", "/admin/", True),
    ("admin list", f"{ADMIN}/", True),
    ("admin list, everything", f"{ADMIN}/?view=all", True),
    ("admin list, searched", f"{ADMIN}/?view=all&q=Leak", True),
    ("admin list, searched by key", f"{ADMIN}/?view=all&q={{key}}", True),
    ("admin export", f"{ADMIN}/export/?view=all", True),
    ("admin page", f"{ADMIN}/{{pk}}/change/", True),
    ("admin history", f"{ADMIN}/{{pk}}/history/", True),
    ("admin old version", f"{ADMIN}/{{pk}}/history/{{version}}/", True),
    ("admin verb", f"{ADMIN}/{{pk}}/verbs/mitigate/", True),
    ("admin merge, of another", f"{ADMIN}/{{other}}/verbs/merge/", True),
    ("admin alerts", "/admin/incidents/alert/", True),
    ("admin one alert", "/admin/incidents/alert/{alert}/change/", True),
    ("api pages", "/api/v1/pages/", True),
    ("api pages, of the incident", "/api/v1/pages/?incident={key}", True),
    ("api deliveries", "/api/v1/deliveries/", False),
    ("api deliveries, as text", "/api/v1/deliveries/?format=csv", False),
    ("admin pages", "/admin/oncall/page/", True),
    ("admin load", "/admin/oncall/schedule/load/", False),
    ("api load", "/api/v1/on-call/load/", False),
    ("admin hand-over notes", "/admin/oncall/handovernote/", False),
    ("admin hand-over note", "/admin/oncall/handovernote/{note}/change/", True),
    ("admin deliveries", "/admin/messaging/delivery/", True),
    ("admin deliveries, searched", "/admin/messaging/delivery/?q=Leak", True),
    ("api users", "/api/v1/users/", False),
    ("api services", "/api/v1/services/", False),
    ("admin severities", "/admin/incidents/severity/", False),
    ("admin autocomplete", AUTOCOMPLETE, False),
    ("admin services", "/admin/oncall/service/", False),
    ("report", "/report/{key}/", False),
    ("status page", "/", False),
    ("status page, past", "/history/", False),
    ("status page, one", "/incidents/{pk}/", False),
    ("public api", "/api/v2/summary.json", False),
    ("public incidents", "/api/v2/incidents.json", False),
]  # fmt: skip

VERBS = [
    "declare", "acknowledge", "classify", "engage", "assign-role", "note", "update", "mitigate", "all-clear",
    "resolve", "reopen", "cancel", "merge", "close", "make-private", "identify", "recur",
]  # fmt: skip


def person(username: str) -> User:
    return User.objects.create(username=username, email=f"{username}@example.com", is_staff=True)


def everything_but_private() -> list[Permission]:
    ours = Permission.objects.filter(content_type__app_label__in=FLOORS)
    return list(ours.exclude(codename__in=PRIVATE))


@pytest.fixture
def ivy(db) -> User:
    """Manages the private incident."""
    ivy = person("ivy")
    ivy.user_permissions.set(everything_but_private())
    return ivy


@pytest.fixture
def mallory(db) -> User:
    """May do everything, but has no part in it."""
    mallory = person("mallory")
    mallory.user_permissions.set(everything_but_private())
    return mallory


@pytest.fixture
def incident(ivy) -> Incident:
    """A private incident in which as much as possible has happened, an hour ago."""
    now = clock.now()
    team = Team.objects.create(slug="vault", name="Vault")
    policy = EscalationPolicy.objects.create(slug="vault", name="Vault", team=team)
    policy.steps.create(position=0).targets.create(user=ivy)
    vault = Service.objects.create(slug="vault", name="Vault", team=team, policy=policy)
    incident = lifecycle.detect(
        title=f"Leak of {WORD}", service=vault, private=True, tags=[WORD], description=WORD, by=None, at=now
    )
    incident = lifecycle.declare(incident, summary=f"{WORD} is out", by=None, at=now)
    roles.take(incident, role="incident_manager", user=ivy, by=None, at=now)
    lifecycle.acknowledge(incident, by=ivy, at=now)
    timeline.note(incident, text=WORD, by=ivy, at=now)
    tasks.add(incident, title=f"Rotate {WORD}", owner=ivy, by=ivy, at=now)
    incident = lifecycle.classify(incident, severity=major(), by=ivy, at=now)
    communication.send(incident, audience="staff", text=WORD, by=None, at=now)
    escalation.advance_due(now=clock.now)
    source = AlertSource.objects.create(slug="prom", name="Prometheus", dialect="json")
    seen = {"first_seen_at": now, "last_seen_at": now}
    Alert.objects.create(
        source=source, dedup_key=WORD, summary=f"Leak of {WORD}", incident=incident, service=vault, **seen
    )
    return lifecycle.edit(incident, hurt=WORD, by=ivy, at=now)


def major():
    return Incident._meta.get_field("severity").related_model.objects.get(slug="major")


@pytest.fixture
def other(incident) -> Incident:
    """One that everybody sees."""
    return lifecycle.declare(title="Ordinary", services=[Service.objects.get()], by=None, at=clock.now())


@pytest.fixture
def note(ivy) -> HandOverNote:
    """Of a schedule that ivy is on call on."""
    schedule = Schedule.objects.create(slug="vault", name="Vault", time_zone="UTC")
    now = clock.now()
    note = HandOverNote.objects.create(
        schedule=schedule, since=now, due_at=now, schedule_version=schedule.version
    )
    note.outgoing.add(ivy)
    return note


@pytest.fixture
def look(incident, other, note):
    """``look(user, path)`` is all that an answer says, to this person."""

    def answer(user: User, path: str) -> tuple[int, str]:
        client = Client()
        client.force_login(user)
        known = {
            "key": incident.key,
            "pk": incident.pk,
            "other": other.pk,
            "alert": incident.alerts.get().pk,
            "version": incident.history.first().history_id,
            "note": note.pk,
        }
        answer = client.get(path.format(**known), follow=False)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, body.decode(errors="replace") + str(answer.headers.get("Location", ""))

    return answer


def test_no_window_shows_it_to_who_has_no_part_in_it(subtests, look, mallory, ivy, incident):
    for name, path, shows in WINDOWS:
        with subtests.test(name):
            hidden_status, hidden = look(mallory, path)
            seen_status, seen = look(ivy, path)

            assert hidden_status < 500 and seen_status < 500
            assert WORD not in hidden
            assert not shows or WORD in seen or incident.key in seen


def test_a_verb_on_it_answers_like_one_on_nothing(subtests, incident, mallory):
    client = Client()
    client.force_login(mallory)

    for verb in VERBS:
        with subtests.test(verb):
            hidden, missing = (
                client.post(f"/api/v1/incidents/{key}/{verb}/", {}, content_type="application/json")
                for key in (incident.key, "INC-999999")
            )

            assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
            assert hidden.status_code == 404


def test_it_cannot_be_named_in_a_verb_on_another(incident, other, mallory):
    client = Client()
    client.force_login(mallory)
    path = f"/api/v1/incidents/{other.key}/merge/"

    hidden = client.post(path, {"into": incident.key}, content_type="application/json")
    missing = client.post(path, {"into": "INC-999999"}, content_type="application/json")

    assert hidden.status_code == missing.status_code == 400
    assert hidden.content.replace(incident.key.encode(), b"INC-999999") == missing.content


def test_it_does_not_count_in_what_others_measure(incident, mallory, ivy):
    def counted(user: User) -> int:
        client = Client()
        client.force_login(user)
        return client.get("/api/v1/metrics/").json()["overall"]["incidents"]

    assert (counted(mallory), counted(ivy)) == (0, 1)


def test_the_search_finds_it_for_participants_only(incident, mallory, ivy):
    found = [list(search.search(Incident.objects.visible_to(user), WORD)) for user in (mallory, ivy)]

    assert found == [[], [incident]]


def test_mail_goes_to_participants_only(incident, mallory, ivy):
    Group.objects.get_or_create(name="Executive")[0].user_set.add(mallory)

    for audience in ("staff", "executives"):
        assert mallory not in communication.audience_of(incident, audience)
    assert ivy in communication.audience_of(incident, "staff")


def test_whoever_is_paged_for_it_sees_it(incident, mallory):
    engagement.engage(incident, user=mallory, by=None, at=clock.now())
    escalation.advance_due(now=clock.now)

    assert incident in Incident.objects.visible_to(mallory)


def test_the_admin_has_no_such_address(incident, mallory):
    client = Client()
    client.force_login(mallory)

    gone = client.get(reverse("admin:incidents_incident_change", args=[incident.pk]))
    never = client.get(reverse("admin:incidents_incident_change", args=[999999]))

    assert gone.status_code == never.status_code


def test_of_the_shipped_groups_two_see_what_is_private():
    groups = Group.objects.filter(permissions__codename__in=PRIVATE).distinct()

    assert sorted(groups.values_list("name", flat=True)) == ["Administrator", "Auditor"]
