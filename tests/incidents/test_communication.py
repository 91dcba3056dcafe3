"""Updates reach the right people once, and a late one is asked for once."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group

from incidents import communication, lifecycle, roles
from incidents.models import Incident
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from tests.incidents.conftest import person

pytestmark = pytest.mark.django_db


def recipients(purpose: str) -> list[str]:
    rows = Delivery.objects.filter(message__purpose=purpose).order_by("recipient")
    return [row.recipient for row in rows]


def send(incident, by, clock, **fields):
    fields = {"audience": "staff", "text": "Traffic is moving.", **fields}
    return communication.send(incident, by=by, at=clock, **fields)


def remind(clock) -> int:
    return communication.remind_updates(now=lambda: clock)


def test_staff_are_those_with_a_part_in_it(troubleshooting, alice, bob, carol, at):
    lifecycle.acknowledge(troubleshooting, by=alice, at=at("10:11"))
    roles.assign(troubleshooting, role="scribe", user=carol, by=bob, at=at("10:11"))
    person("dave")

    done = send(troubleshooting, bob, at("10:12"), next_update_in=timedelta(minutes=30))

    assert recipients("update") == ["alice", "carol"]
    message = Delivery.objects.get(recipient="alice", message__purpose="update").message
    assert message.subject == f"[{done.key}] Major: Card payments fail"
    assert "Next update by 10:42 UTC." in message.text
    assert done.bridge_url in message.text
    assert f"http://testserver/admin/incidents/incident/{done.pk}/change/" in message.text
    assert done.timeline.last().data["recipients"] == 2


def test_executives_are_the_group_and_the_holder_of_the_role(troubleshooting, bob, carol, at):
    Group.objects.get_or_create(name="Executive")[0].user_set.add(person("eve"))
    roles.assign(troubleshooting, role="executive", user=carol, by=bob, at=at("10:11"))

    send(troubleshooting, bob, at("10:12"), audience="executives")

    assert recipients("update") == ["carol", "eve"]


def test_executives_without_a_part_learn_nothing_of_a_private_incident(troubleshooting, bob, at):
    Group.objects.get_or_create(name="Executive")[0].user_set.add(person("eve"))
    roles.assign(troubleshooting, role="incident_manager", user=bob, by=None, at=at("10:11"))
    lifecycle.make_private(troubleshooting, by=None, at=at("10:11"))

    send(Incident.objects.get(pk=troubleshooting.pk), bob, at("10:12"), audience="executives")

    assert recipients("update") == []


def test_an_update_winds_the_clock(troubleshooting, bob, at):
    first = send(troubleshooting, bob, at("10:12"))
    assert first.update_due_at == at("10:32")

    promised = send(first, bob, at("10:20"), text="Still moving.", next_update_in=timedelta(hours=1))

    assert promised.update_due_at == at("11:20")
    assert Incident.objects.get(pk=promised.pk).update_due_at == at("11:20")


def test_a_double_click_sends_one_update(troubleshooting, bob, at):
    send(troubleshooting, bob, at("10:12:00"))
    send(troubleshooting, bob, at("10:12:03"))

    assert troubleshooting.updates.count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"audience": "customers"}, "audience_unknown"),
        ({"audience": "all"}, "audience_unknown"),
        ({"text": " \n"}, "text_missing"),
        ({"next_update_in": timedelta(days=8)}, "promise_out_of_range"),
        ({"next_update_in": timedelta(0)}, "promise_out_of_range"),
    ],
)
def test_what_is_no_update(fields, code, troubleshooting, bob, at):
    with pytest.raises(DomainError) as refusal:
        send(troubleshooting, bob, at("10:12"), **fields)

    assert refusal.value.code == code
    assert troubleshooting.updates.count() == 0


def test_sending_takes_the_right_or_the_role(troubleshooting, alice, bob, carol, at):
    with pytest.raises(DomainError) as refusal:
        send(troubleshooting, alice, at("10:12"))
    roles.assign(troubleshooting, role="communications_lead", user=carol, by=bob, at=at("10:12"))

    assert refusal.value.code == "forbidden"
    assert send(troubleshooting, carol, at("10:13")).updates.count() == 1


def test_the_first_post_to_customers_is_the_first_update(troubleshooting, at):
    done = communication.posted(
        troubleshooting, text="We are looking", by=None, at=at("10:15"), recipients=1204
    )
    again = communication.posted(done, text="Found it", by=None, at=at("10:30"))

    assert again.first_update_at == at("10:15")
    assert again.durations.values["ttupdate"] == 600
    assert again.update_due_at == at("10:50")
    assert recipients("update") == []


# -- reminders ---------------------------------------------------------------------------------------------
def test_a_late_update_is_asked_for_once(troubleshooting, bob, at):
    roles.assign(troubleshooting, role="incident_manager", user=bob, by=None, at=at("10:11"))

    assert remind(at("10:14")) == 0
    assert [remind(at("10:15")), remind(at("10:16")), remind(at("10:40"))] == [1, 0, 0]

    assert recipients("reminder") == ["bob"]
    assert troubleshooting.timeline.last().text == "Update due since 2026-03-09 10:15 UTC; reminded: Bob"


def test_each_due_time_is_asked_for_anew(troubleshooting, bob, at):
    roles.assign(troubleshooting, role="incident_manager", user=bob, by=None, at=at("10:11"))
    remind(at("10:16"))
    send(troubleshooting, bob, at("10:17"))

    assert [remind(at("10:36")), remind(at("10:37"))] == [0, 1]


def test_without_a_manager_whoever_answered_is_asked(troubleshooting, alice, at):
    lifecycle.acknowledge(troubleshooting, by=alice, at=at("10:11"))

    remind(at("10:16"))

    assert recipients("reminder") == ["alice"]


def test_with_nobody_to_remind_the_timeline_says_so(troubleshooting, at):
    assert remind(at("10:16")) == 1

    assert "there is nobody to remind" in troubleshooting.timeline.last().text


def test_one_that_fails_stops_no_other(troubleshooting, other, monkeypatch, at):
    tell = communication._remind
    failing = {troubleshooting.pk}

    def fail_for_one(pk, now):
        if pk in failing:
            raise RuntimeError("broken")
        return tell(pk, now)

    monkeypatch.setattr(communication, "_remind", fail_for_one)

    assert remind(at("11:00")) == 1
    failing.clear()
    assert remind(at("11:01")) == 1


def test_nothing_is_owed_once_it_is_resolved(resolved, at):
    assert remind(at("23:00")) == 0
