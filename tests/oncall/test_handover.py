"""What those who go off call say reaches those who come on, once, at the hand-over, wherever that has moved."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from oncall import absences, handover, paging, schedules
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import HandOverNote, Page, Schedule
from tests.oncall.test_admin_pages import queries
from tests.oncall.test_swaps import day, may

pytestmark = pytest.mark.django_db
WORDS = "The disk of db-3 fills up: see the runbook."


def pulse(*times: datetime) -> int:
    return sum(handover.hand_over(now=lambda at=at: at) for at in times)


def write(schedule, text=WORDS, *, by, at) -> HandOverNote:
    return handover.write(handover.current(schedule), text=text, by=by, at=at)


def told(user) -> list[str]:
    found = Delivery.objects.filter(recipient=user.username).order_by("pk")
    return list(found.values_list("message__text", flat=True))


def coming(schedule) -> tuple[datetime | None, list[str], list[str]]:
    note = handover.current(schedule)
    names = [[user.username for user in people.all()] for people in (note.outgoing, note.incoming)]
    return note.at, *names


@pytest.fixture
def primary(primary):
    """alice is on call since this morning; bob follows tomorrow at nine."""
    pulse(day(9, 10))
    return primary


@pytest.fixture
def on_primary(primary, make_page, make_policy):
    """``on_primary("Disk full")``: a page whose policy pages the schedule."""
    policy = make_policy((0, primary))

    def make(title: str, **fields) -> Page:
        return make_page(policy, **{"title": title, "at": day(9, 12), **fields})

    return make


def test_the_coming_note_is_of_the_next_hand_over(primary):
    assert coming(primary) == (day(10), ["alice"], ["bob"])


def test_what_was_written_reaches_who_comes_on_when_she_does(primary, alice, bob):
    write(primary, by=alice, at=day(9, 20))

    assert pulse(day(9, 21), day(10) - timedelta(seconds=1)) == 0
    assert pulse(day(10)) == 1

    assert "Alice writes:\n\nThe disk of db-3 fills up" in told(bob)[0]
    assert told(alice) == []


def test_it_is_handed_over_once_however_often_the_pulse_beats(primary, alice, bob):
    write(primary, by=alice, at=day(9, 20))

    pulse(day(10), day(10), day(10, 10), day(11), day(12))

    assert len(told(bob)) == 1
    assert told(alice) == []


def test_what_was_handed_over_stays_to_be_read(primary, alice):
    write(primary, by=alice, at=day(9, 20))
    pulse(day(10))

    past = HandOverNote.objects.get(sent_at__isnull=False)

    assert (past.at, past.text, past.written_by) == (day(10), WORDS, alice)
    assert coming(primary) == (day(11), ["bob"], ["alice"])


def test_nothing_to_say_is_no_mail_and_no_row(primary, bob):
    pulse(day(10), day(11))

    assert told(bob) == []
    assert HandOverNote.objects.count() == 1


def test_open_snoozed_and_long_acknowledged_pages_are_named(primary, on_primary, alice, bob):
    on_primary("Nobody came")
    paging.acknowledge(on_primary("Left lying"), by=alice, at=day(9, 8))
    paging.acknowledge(on_primary("In hand"), by=alice, at=day(9, 14))
    paging.snooze(on_primary("Quiet"), until=day(10, 12), by=alice, at=day(9, 15))
    paging.resolve(on_primary("Over"), by=alice, at=day(9, 15))

    pulse(day(10))

    text = told(bob)[-1]
    assert [line for line in text.splitlines() if line.endswith(":")] == [
        "Waiting for an answer (1):",
        "Acknowledged (1):",
        "Acknowledged more than a day ago (1):",
        "Snoozed (1):",
    ]
    assert "- Left lying: acknowledged by Alice, Mon 9 Mar 04:00" in text  # bob is in New York
    assert "- Quiet: quiet until Tue 10 Mar 08:00" in text
    assert "Over" not in text


def test_pages_of_other_schedules_are_not_named(primary, make_page, make_policy, carol, bob):
    make_page(make_policy((0, carol)), title="Somebody else’s")

    pulse(day(10))

    assert told(bob) == []


def test_a_page_to_the_person_before_goes_along(primary, make_page, alice, bob):
    make_page(user=alice, title="Certificate runs out")

    pulse(day(10))

    assert "Certificate runs out" in told(bob)[-1]


def test_of_two_pages_about_one_incident_one_is_named(primary, on_primary, bob):
    on_primary("Disk full", reference="INC-7")
    on_primary("Disk full, still", reference="INC-7")

    pulse(day(10))

    assert told(bob)[-1].count("INC-7") == 1


def test_private_pages_are_named_to_those_alone_who_may_see_them(primary, on_primary, bob, carol):
    secret = paging.describe(on_primary("Leak"), {"private": True})
    on_primary("Disk full")
    schedules.make_exception(
        primary, kind="add", user=carol, start=day(10), end=day(11), by=None, at=day(9, 12)
    )
    secret.notified.create(user=carol, cycle=0, loop=0, step=0, at=day(9, 12), why="")

    pulse(day(10))

    assert ["Leak" in text for person in (bob, carol) for text in told(person)[-1:]] == [False, True]
    assert set(Delivery.objects.filter(topic__contains="handover").values_list("topic", flat=True)) == {
        f"private:handover:{HandOverNote.objects.get(sent_at=day(10)).pk}"
    }


def test_a_hand_over_that_moves_takes_its_note_along(primary, alice, bob, carol):
    write(primary, by=alice, at=day(9, 20))

    schedules.make_exception(
        primary, kind="replace", user=bob, cover=carol, start=day(10), end=day(11), by=None, at=day(9, 21)
    )
    schedules.make_exception(
        primary, kind="set", users=(alice,), start=day(10), end=day(10, 15), by=None, at=day(9, 21)
    )
    pulse(day(9, 22))
    assert coming(primary) == (day(10, 15), ["alice"], ["carol"])

    pulse(day(10), day(10, 15))

    assert told(bob) == []
    assert len(told(carol)) == 1


def test_a_shift_taken_from_now_on_is_a_hand_over(primary, alice, carol):
    write(primary, by=alice, at=day(9, 20))
    schedules.make_exception(
        primary,
        kind="replace",
        user=alice,
        cover=carol,
        start=day(9, 21),
        end=day(10),
        by=None,
        at=day(9, 21),
    )

    pulse(day(9, 21) + timedelta(seconds=20))

    assert len(told(carol)) == 1


def test_an_entry_about_long_ago_hands_nothing_over(primary, alice, bob):
    write(primary, by=alice, at=day(9, 20))
    schedules.make_exception(
        primary,
        kind="replace",
        user=alice,
        cover=bob,
        start=day(9, 11),
        end=day(9, 12),
        by=None,
        at=day(9, 21),
    )

    pulse(day(9, 21))

    assert told(alice) == told(bob) == []
    assert handover.current(primary).text == WORDS


def test_over_a_stretch_with_nobody_the_note_waits(primary, alice, bob):
    write(primary, by=alice, at=day(9, 20))
    absences.add(bob, start=day(10), end=day(10, 18), by=None, at=day(9, 21))

    assert pulse(day(10), day(10, 12)) == 0
    assert pulse(day(10, 18)) == 1

    assert len(told(bob)) == 1


def test_after_a_long_stop_who_is_on_call_now_is_told(primary, alice, bob):
    write(primary, by=alice, at=day(9, 20))

    assert pulse(day(10, 20)) == 1

    assert len(told(bob)) == 1
    assert HandOverNote.objects.get(sent_at=day(10, 20)).at == day(10)


def test_a_settled_schedule_asks_one_question(primary, django_assert_num_queries):
    with django_assert_num_queries(1):
        pulse(day(9, 11))


def test_one_that_fails_holds_up_no_other(primary, alice, bob, monkeypatch):
    write(primary, by=alice, at=day(9, 20))
    broken = Schedule.objects.create(slug="broken", name="Broken", time_zone="UTC")
    real = handover.schedules.load

    def load(schedule, **options):
        if schedule == broken:
            raise ValueError("broken")
        return real(schedule, **options)

    monkeypatch.setattr(handover.schedules, "load", load)

    assert pulse(day(10)) == 1


# -- writing -----------------------------------------------------------------------------------------------
def refusal(note, *, by, at, text=WORDS) -> str:
    with pytest.raises(DomainError) as refused:
        handover.write(note, text=text, by=by, at=at)
    return refused.value.code


def test_only_those_on_call_write(primary, alice, bob):
    note = handover.current(primary)

    assert refusal(note, by=bob, at=day(9, 20)) == "forbidden"
    assert handover.write(note, text=WORDS, by=alice, at=day(9, 20)).version == 2


def test_writing_the_same_again_changes_nothing(primary, alice):
    write(primary, by=alice, at=day(9, 20))

    again = write(primary, by=alice, at=day(9, 21))

    assert (again.version, again.written_at) == (2, day(9, 20))
    assert HandOverNote.history.filter(text=WORDS).count() == 1


def test_after_the_hand_over_it_is_too_late(primary, alice):
    note = write(primary, by=alice, at=day(9, 20))
    pulse(day(10))

    assert refusal(note, text="And also", by=alice, at=day(10, 10)) == "handed_over"


def test_a_shift_without_words_makes_an_open_form_stale(primary, bob):
    before = handover.current(primary).version

    pulse(day(10))

    assert handover.current(primary).version == before + 1


def test_what_is_too_long_is_refused(primary, alice):
    assert refusal(handover.current(primary), by=alice, at=day(9, 20), text="x" * 10_001) == "text"


# -- in the portal -----------------------------------------------------------------------------------------
@pytest.fixture
def clicks(client, alice, time_machine):
    """A browser of alice's, on Monday evening."""
    time_machine.move_to(day(9, 20), tick=False)
    client.force_login(may(alice, "view_schedule"))
    return client


def post(client, note, text, version=None):
    expected = note.version if version is None else version
    url = reverse("admin:oncall_handovernote_verb", args=[note.pk, "write"])
    return client.post(url, {"text": text, "expected": expected}, follow=True)


def page_of(note) -> str:
    return reverse("admin:oncall_handovernote_change", args=[note.pk])


def test_ones_own_note_is_one_press_away(clicks, primary, on_primary):
    on_primary("Disk full")

    shown = clicks.get(reverse("admin:oncall_handovernote_mine"), follow=True)

    assert shown.redirect_chain[-1][0] == page_of(handover.current(primary))
    html = shown.content.decode()
    assert "What should Bob know?" in html and "Disk full" in html
    saved = post(clicks, handover.current(primary), WORDS)
    assert "mailed to the next person" in saved.content.decode()
    assert handover.current(primary).text == WORDS


def test_who_is_not_on_call_has_nothing_to_hand_over(clicks, primary, bob, client):
    client.force_login(may(bob, "view_schedule"))

    shown = client.get(reverse("admin:oncall_handovernote_mine"), follow=True).content.decode()

    assert "nothing to hand over" in shown
    assert "<textarea" not in client.get(page_of(handover.current(primary))).content.decode()


def test_a_stale_form_keeps_what_was_typed_and_overwrites_nothing(clicks, primary, alice):
    old = handover.current(primary).version
    write(primary, "Newer", by=alice, at=day(9, 20))

    refused = post(clicks, handover.current(primary), "Older", version=old).content.decode()

    assert "Alice has changed this note since you opened it" in refused and "“Newer”" in refused
    assert ">\nOlder</textarea>" in refused
    assert handover.current(primary).text == "Newer"


@pytest.mark.parametrize("words", ["", WORDS])
def test_words_that_come_after_the_hand_over_are_refused_and_not_lost(clicks, primary, alice, bob, words):
    note = write(primary, words, by=alice, at=day(9, 20))
    pulse(day(10))

    refused = post(clicks, note, "Too late").content.decode()

    assert ("handed over meanwhile" in refused) == bool(words)
    assert ("Those on call on Primary" in refused) == (not words)
    assert ">\nToo late</textarea>" in refused
    assert told(bob)[-1:] == [] or "Too late" not in told(bob)[-1]


def test_past_notes_stand_in_the_list_of_their_schedule(clicks, primary, alice, on_primary):
    secret = paging.describe(on_primary("Leak"), {"private": True})
    on_primary("Disk full")
    write(primary, by=alice, at=day(9, 20))
    pulse(day(10))
    past = HandOverNote.objects.get(sent_at__isnull=False)

    listed = clicks.get(reverse("admin:oncall_handovernote_changelist") + "?whose=past").content.decode()
    html = clicks.get(page_of(past)).content.decode()

    assert page_of(past) in listed
    assert WORDS in html and "Disk full" in html and str(secret) not in html


def past_note(schedule, *people) -> None:
    past = {"at": day(9), "sent_at": day(9), "since": day(8), "schedule_version": 1}
    HandOverNote.objects.create(schedule=schedule, **past).outgoing.set(people)


def test_the_list_costs_the_same_for_2_notes_and_for_20(clicks, primary, alice, bob):
    url = reverse("admin:oncall_handovernote_changelist")
    past_note(primary, alice, bob)
    few = queries(clicks, url)

    for _ in range(18):
        past_note(primary, alice, bob)

    assert queries(clicks, url) == few
