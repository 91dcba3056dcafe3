"""The incident in the console: alice responds, bob manages, carol has no rights."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from incidents import engagement, lifecycle, roles, tasks, timeline, transitions
from incidents.admin import verb_forms
from incidents.admin.incident import IncidentAdmin
from incidents.admin.page import Link
from incidents.models import Incident
from oncall import clock, escalation, paging
from tests.incidents.conftest import person, policy_for


@pytest.fixture(autouse=True)
def present(at, monkeypatch):
    """It is 10:40 on the Monday of our stories."""
    monkeypatch.setattr(clock, "now", lambda: at("10:40"))


def console(user) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def page(incident: Incident) -> str:
    return reverse("admin:incidents_incident_change", args=[incident.pk])


def verb(incident: Incident, name: str) -> str:
    return reverse("admin:incidents_incident_verb", args=[incident.pk, name])


def press(client: Client, incident: Incident, name: str, **fields):
    return client.post(verb(incident, name), {"expected": incident.version, **fields})


# -- the page ----------------------------------------------------------------------------------------------
STATES = [
    "detected", "declared", "troubleshooting", "mitigated", "resolved", "in_review", "following_up", "closed",
    "cancelled", "merged",
]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_page_with_exactly_the_legal_verbs(state, bob, request):
    incident = request.getfixturevalue(state)
    if state == "merged":
        incident = Incident.objects.get(pk=incident.pk)

    html = console(bob).get(page(incident)).content.decode()

    offered = set(re.findall(r'action="[^"]*/verbs/([a-z-]+)/"|href="[^"]*/verbs/([a-z-]+)/["?]', html))
    offered = {one or other for one, other in offered}
    legal = {row.name.replace("_", "-") for row in (*transitions.legal(state), *transitions.acts(state))}
    assert offered <= legal
    assert {row.name.replace("_", "-") for row in transitions.legal(state)} <= offered


def test_the_page_says_where_to_join(declared, bob):
    html = console(bob).get(page(declared)).content.decode()

    assert declared.channel_url in html and declared.bridge_url in html


def test_the_rail_marks_the_stage_that_is_on(troubleshooting, bob):
    html = console(bob).get(page(troubleshooting)).content.decode()

    assert html.count('aria-current="step"') == 1
    assert "for 30 min" in html


def test_the_number_of_queries_does_not_grow_with_the_timeline(
    troubleshooting, bob, at, django_assert_max_num_queries
):
    client = console(bob)
    for minute in range(40):
        timeline.note(troubleshooting, text=f"Note {minute}", by=bob, at=at("10:20"))

    with django_assert_max_num_queries(60):
        html = client.get(page(troubleshooting)).content.decode()

    assert html.count('class="m-dot') == 10
    assert "Older entries" in html


@pytest.mark.parametrize(("show", "seen"), [("people", True), ("pages", False), ("rubbish", True)])
def test_the_timeline_can_be_filtered(troubleshooting, bob, at, show, seen):
    timeline.note(troubleshooting, text="Queue is long", by=bob, at=at("10:20"))

    html = console(bob).get(page(troubleshooting), {"show": show}).content.decode()

    assert ("Queue is long" in html) is seen


def test_what_people_write_is_never_markup(troubleshooting, bob, at):
    timeline.note(troubleshooting, text="<script>alert(1)</script>", by=bob, at=at("10:20"))

    html = console(bob).get(page(troubleshooting)).content.decode()

    assert "<script>alert" not in html and "&lt;script&gt;alert" in html


def test_upper_floors_hang_links_on_the_page(declared, bob, monkeypatch):
    monkeypatch.setattr(
        IncidentAdmin, "neighbours", [lambda incident, user: [Link("Post-mortem", "/x/", "book")]]
    )

    assert '<a class="m-line m-tight" href="/x/">' in console(bob).get(page(declared)).content.decode()


# -- verbs -------------------------------------------------------------------------------------------------
def test_every_verb_of_the_table_can_be_pressed_or_is_reached_otherwise():
    every = {row.name.replace("_", "-") for row in (*transitions.VERBS, *transitions.ACTS)}

    assert every - {one.name for one in verb_forms.VERBS} == {"detect", "edit"}


def test_a_get_changes_nothing(declared, bob, client):
    before = Incident.objects.values().get(pk=declared.pk)

    for one in verb_forms.VERBS:
        console(bob).get(verb(declared, one.name))

    assert Incident.objects.values().get(pk=declared.pk) == before


def test_classifying_by_hand(declared, major, bob):
    answer = press(console(bob), declared, "classify", severity=major.pk, reason="Half of all users")

    declared.refresh_from_db()
    assert answer.status_code == 302
    assert (declared.state, declared.severity) == ("troubleshooting", major)


def test_a_missing_answer_is_said_beside_its_field(troubleshooting, bob):
    answer = press(console(bob), troubleshooting, "mitigate", text="")

    assert answer.status_code == 200
    assert "Nothing has been done yet" in answer.content.decode()
    assert Incident.objects.get(pk=troubleshooting.pk).state == "troubleshooting"


def test_a_refusal_of_the_domain_is_shown_and_the_words_are_kept(mitigated, bob):
    answer = press(console(bob), mitigated, "resolve", text="Pool enlarged")

    html = answer.content.decode()
    assert "all-clear" in html and "Pool enlarged" in html
    assert Incident.objects.get(pk=mitigated.pk).state == "mitigated"


def test_a_stale_form_loses_and_says_so(troubleshooting, alice, bob, at):
    lifecycle.mitigate(troubleshooting, text="Traffic moved", by=alice, at=at("10:30"))

    answer = press(console(bob), troubleshooting, "reclassify", severity="", reason="x")
    refused = press(console(bob), troubleshooting, "cancel", reason="False alarm")

    assert answer.status_code == 200
    assert "has changed while you were looking" in refused.content.decode()
    assert Incident.objects.get(pk=troubleshooting.pk).state == "mitigated"


def test_a_form_without_a_version_is_stale(declared, major, bob):
    answer = console(bob).post(verb(declared, "classify"), {"severity": major.pk, "reason": "x"})

    assert "has changed while you were looking" in answer.content.decode()


def test_the_right_is_checked_again_when_the_form_comes_in(troubleshooting, alice):
    answer = press(console(alice), troubleshooting, "resolve", text="Fixed")

    assert answer.status_code == 403
    assert Incident.objects.get(pk=troubleshooting.pk).state == "troubleshooting"


def test_a_verb_that_does_not_exist_is_not_found(declared, bob):
    assert console(bob).get(verb(declared, "explode")).status_code == 404


def test_a_note_is_written_whatever_has_changed_meanwhile(declared, troubleshooting, alice):
    answer = console(alice).post(
        verb(troubleshooting, "note"), {"expected": "0", "kind": "decision", "text": "Fail over now"}
    )

    entry = troubleshooting.timeline.order_by("-sequence").first()
    assert answer.status_code == 302
    assert (entry.kind, entry.text, entry.actor) == ("decision", "Fail over now", alice)


def test_all_clear_and_roles_and_tasks_from_the_side(mitigated, checkout, alice, bob, at):
    client = console(bob)
    task = tasks.add(mitigated, title="Look at the pool", by=bob, at=at("10:31"))

    press(client, mitigated, "all-clear", service=checkout.pk)
    press(client, mitigated, "assign-role", role="communications_lead", user=alice.pk)
    client.post(reverse("admin:incidents_incident_tick", args=[mitigated.pk, task.pk]))

    assert mitigated.affected_services.get().all_clear_by == bob
    assert roles.current(mitigated)["communications_lead"].user == alice
    task.refresh_from_db()
    assert task.done_by == bob


def test_of_several_pages_for_a_service_it_is_said_who_answered_and_who_has_not(
    declared, checkout, alice, carol, bob, at
):
    policy = policy_for("night", carol)
    engagement.call(declared, kind="owning", service=checkout, policy=policy, by=bob, at=at("10:06"))
    escalation.advance_due(now=lambda: at("10:06"))
    first = declared.engagements.filter(service=checkout).first().page
    paging.acknowledge(first, by=alice, at=at("10:07"))

    assert "Alice answered · Carol has not" in console(bob).get(page(declared)).content.decode()


def test_of_one_page_for_everybody_it_is_said_who_answered_and_who_has_not(
    declared, checkout, carol, alice, bob, at
):
    step = checkout.policy.steps.get()
    step.everyone = True
    step.save()
    step.targets.create(user=carol)
    waiting = declared.engagements.get(service=checkout).page
    paging.restart_with_current_policy(waiting, by=bob, at=at("10:06"))
    escalation.advance_due(now=lambda: at("10:06"))
    paging.acknowledge(waiting, by=alice, at=at("10:07"))

    assert "Alice answered · Carol has not" in console(bob).get(page(declared)).content.decode()


def test_a_task_is_not_ticked_by_a_get(mitigated, bob, at):
    task = tasks.add(mitigated, title="Look at the pool", by=bob, at=at("10:31"))

    answer = console(bob).get(reverse("admin:incidents_incident_tick", args=[mitigated.pk, task.pk]))

    assert answer.status_code == 405


def test_declaring_from_the_header(portal, checkout, bob):
    answer = console(bob).post(
        reverse("admin:incidents_incident_add"), {"title": "Payments fail", "services": [checkout.pk]}
    )

    incident = Incident.objects.get()
    assert answer.headers["Location"] == page(incident)
    assert (incident.state, incident.title) == ("declared", "Payments fail")


def test_declaring_nothing_asks_what_is_hurt(portal, bob):
    answer = console(bob).post(reverse("admin:incidents_incident_add"), {"title": "Something"})

    assert "Name an impacted service" in answer.content.decode()
    assert not Incident.objects.exists()


# -- the form ----------------------------------------------------------------------------------------------
def form_of(incident: Incident, **changes) -> dict:
    shown = {"seen_version": incident.version, "title": incident.title, "summary": "", "description": "",
             "audience": incident.audience, "hurt": "", "kind": "real", "channel_name": incident.channel_name,
             "channel_url": incident.channel_url, "bridge_url": incident.bridge_url, "root_cause_type": "",
             "root_cause_service": "", "mitigation": incident.mitigation, "resolution": "",
             "detection_method": incident.detection_method, "reason": ""}  # fmt: skip
    for name in ("impact_started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at"):
        value = getattr(incident, name)
        shown[f"{name}_0"], shown[f"{name}_1"] = (
            (f"{value:%Y-%m-%d}", f"{value:%H:%M:%S}") if value else ("", "")
        )
    return {**shown, **changes}


def test_an_edit_goes_to_history_and_timeline(declared, bob):
    answer = console(bob).post(page(declared), form_of(declared, summary="A third of payments fail"))

    declared.refresh_from_db()
    assert answer.status_code == 302
    assert (declared.summary, declared.summary_by) == ("A third of payments fail", bob)
    assert declared.history.first().history_user == bob
    assert declared.timeline.order_by("-sequence").first().text == "Now: A third of payments fail"


def test_an_edit_of_an_older_incident_is_refused(declared, bob, major, at):
    stale = form_of(declared, hurt="Everybody")
    lifecycle.classify(declared, severity=major, reason="x", by=bob, at=at("10:10"))

    answer = console(bob).post(page(declared), stale)

    assert "has changed while you were looking" in answer.content.decode()
    assert Incident.objects.get(pk=declared.pk).hurt == ""


def test_correcting_a_time_needs_a_reason(mitigated, bob):
    answer = console(bob).post(page(mitigated), form_of(mitigated, mitigated_at_1="10:20:00"))

    assert "Give a reason" in answer.content.decode()


def test_the_state_is_no_field(declared, bob):
    console(bob).post(page(declared), form_of(declared, state="closed", hurt="x"))

    assert Incident.objects.get(pk=declared.pk).state == "declared"


def test_an_incident_is_never_deleted(declared, admin_client):
    url = reverse("admin:incidents_incident_delete", args=[declared.pk])

    assert admin_client.post(url, {"post": "yes"}).status_code == 403


# -- the list ----------------------------------------------------------------------------------------------
LIST = "/admin/incidents/incident/"


def test_the_list_opens_on_what_is_open(mitigated, other, closed, bob):
    html = console(bob).get(LIST).content.decode()

    assert "Ledger is slow" in html and "Card payments fail" not in html


@pytest.mark.parametrize("term", ["INC-{pk}", "inc-{pk}", "{pk}", "card", "Checkout"])
def test_an_incident_is_found_by_key_title_or_service(declared, other, bob, term):
    html = console(bob).get(LIST, {"q": term.format(pk=declared.pk)}).content.decode()

    assert "Card payments fail" in html and "Ledger is slow" not in html


@pytest.mark.parametrize(
    "query",
    ["view=mine", "view=major", "view=all", "view=rubbish", "manager=none", "manager=x", "my_role=any"],
)
def test_every_filter_answers(declared, bob, query):
    assert console(bob).get(f"{LIST}?{query}").status_code == 200


def test_the_list_asks_as_often_for_many_as_for_few(portal, ledger, bob, at):
    client = console(bob)
    for number in range(3):
        lifecycle.declare(title=f"Few {number}", services=[ledger], by=bob, at=at("10:00"))
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(20):
        lifecycle.declare(title=f"Many {number}", services=[ledger], by=bob, at=at("10:00"))

    with CaptureQueriesContext(connection) as many:
        client.get(LIST)

    assert len(many) == len(few)


def test_the_export_needs_its_right_and_runs_no_formula(portal, ledger, bob, alice, admin_user, at):
    lifecycle.declare(title="=HYPERLINK(1)", services=[ledger], by=bob, at=at("10:00"))

    answer = console(admin_user).get(f"{LIST}export/", {"view": "all"})

    text = b"".join(answer.streaming_content).decode()
    assert "'=HYPERLINK(1)" in text and text.startswith("key,title,")
    assert console(alice).get(f"{LIST}export/").status_code == 403


# -- private incidents -------------------------------------------------------------------------------------
@pytest.fixture
def private(declared, bob, at) -> Incident:
    return lifecycle.make_private(declared, by=bob, at=at("10:06"))


WAYS = [
    "/admin/incidents/incident/{pk}/change/",
    "/admin/incidents/incident/{pk}/history/",
    "/admin/incidents/incident/{pk}/history/{version}/",
    "/admin/incidents/incident/{pk}/verbs/note/",
    "/admin/incidents/incident/{pk}/verbs/mitigate/",
]
PLACES = [
    "/admin/",
    LIST,
    f"{LIST}?view=all",
    f"{LIST}?view=all&q=Card",
    "/admin/autocomplete/?app_label=incidents&model_name=incident&field_name=merged_into&term=Card",
    "/admin/incidents/incident/{other}/verbs/merge/",
]


@pytest.fixture
def dora(db):
    """Responds and manages, but has no part in this incident."""
    return person("dora", "view_incident", "respond_incident", "manage_incident")


@pytest.mark.parametrize("way", WAYS)
def test_a_private_incident_is_not_found_by_those_outside(private, dora, way):
    version = private.history.first().pk

    answer = console(dora).get(way.format(pk=private.pk, version=version))

    assert answer.status_code in {302, 404}
    assert (
        b"Card payments fail"
        not in console(dora).get(way.format(pk=private.pk, version=version), follow=True).content
    )


@pytest.mark.parametrize("place", PLACES)
def test_a_private_incident_shows_nowhere_to_those_outside(private, other, dora, place):
    answer = console(dora).get(place.format(other=other.pk))

    assert b"Card payments fail" not in answer.content
    assert f"INC-{private.pk}".encode() not in answer.content


def test_who_has_a_part_in_it_sees_it(private, dora, at):
    roles.assign(private, role="incident_manager", user=dora, by=None, at=at("10:07"))

    assert b"Card payments fail" in console(dora).get(page(private)).content
