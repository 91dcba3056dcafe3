"""My shifts: what is mine on all schedules, why it is, what collides with it, and what I can do about it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from oncall import absences, schedules, swaps
from oncall.models import NoticePreference, User
from tests.oncall.console import NOW, layer, make_schedule, queries, words

pytestmark = pytest.mark.django_db
URL = "/admin/oncall/my-shifts/"


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def alice(people, client):
    """Signed in, with every right; on New York's Mondays she and bob hand over."""
    User.objects.filter(username="alice").update(is_staff=True, is_superuser=True, time_zone="Europe/Berlin")
    alice = User.objects.get(username="alice")
    client.force_login(alice)
    return alice


def mine(client):
    return client.get(URL).context["mine"]


def day(number, hour=13):
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def test_it_lists_the_shifts_of_eight_weeks_with_why_they_are_hers(client, alice, schedule):
    rows = mine(client).ahead

    assert [row.when for row in rows] == [
        "Mon 16 March 14:00 to Mon 23 March 14:00",
        "Mon 30 March 15:00 to Mon 6 April 15:00",
        "Mon 13 April 15:00 to Mon 20 April 15:00",
        "Mon 27 April 15:00 to Mon 4 May 15:00",
    ]
    assert rows[0].there == "Mon 16 March 09:00 to Mon 23 March 09:00 in New York"
    assert rows[0].because == "layer primary, turn 3"


def test_the_heading_is_when_she_is_next_on_call(client, alice, schedule, time_machine):
    assert mine(client).headline == "Next on call Mon 14:00"

    time_machine.move_to(day(17), tick=False)
    assert mine(client).headline == "On call until Mon 14:00"
    assert mine(client).ahead[0].under_way


def test_the_past_four_weeks_are_folded_below(client, alice, schedule):
    page = client.get(URL)

    assert [row.when for row in page.context["mine"].past] == ["Mon 2 March 15:00 to Mon 9 March 14:00"]
    assert "The past 4 weeks 1 shift" in words(page)
    assert not page.context["mine"].past[0].offer_url


def test_a_swap_is_named_as_the_reason(client, alice, people, schedule):
    swap = swaps.take_at_once(
        schedule, requester=people["bob"], taker=alice, start=day(12), end=day(13), by=alice, at=NOW
    )

    row = mine(client).ahead[0]

    assert row.because == f"layer primary, turn 2, in place of Bob Doe (swap {swap.pk})"
    assert reverse("admin:oncall_swap_change", args=[swap.pk]) in client.get(URL).content.decode()


@pytest.mark.parametrize(
    ("exception", "because"),
    [
        ({"kind": "add", "user": "alice", "reason": "Launch"}, "in addition (Launch)"),
        ({"kind": "set", "users": ["alice"]}, "an exception names you"),
        ({"kind": "replace", "user": "bob", "by": "alice"}, "layer primary, turn 2, in place of Bob Doe"),
    ],
)
def test_an_exception_is_named_as_the_reason(client, alice, people, exception, because):
    make_schedule(exceptions=[exception | {"start": "2026-03-12T09:00", "end": "2026-03-13T09:00"}])

    assert mine(client).ahead[0].because.endswith(because)


def test_two_shifts_at_a_time_are_marked_on_both(client, alice, schedule):
    make_schedule("second", layers=[layer(slots=[["alice"]])])

    page = client.get(URL)

    first = next(row for row in page.context["mine"].ahead if row.schedule.slug == "primary")
    assert first.doubles == ("Second, Mon 16 March 14:00 to Mon 23 March 14:00",)
    assert "Also on call on Primary, Mon 16 March 14:00 to Mon 23 March 14:00" in words(page)


def test_of_many_at_the_same_time_three_are_named(client, alice):
    for n in range(6):
        make_schedule(f"all-{n}")

    assert mine(client).ahead[0].doubles[2:] == ("All-3, Mon 16 March 14:00 to Mon 23 March 14:00", "2 more")


def test_a_shift_without_end_says_so(client, alice, people):
    make_schedule("always", layers=[layer(slots=[["alice"]])])

    [row] = mine(client).ahead
    assert row.when == "From Mon 2 March 15:00 on"


# -- absences ----------------------------------------------------------------------------------------------
def test_shifts_in_an_absence_are_listed_with_who_has_them(client, alice, schedule):
    away = absences.add(alice, start=day(17), end=day(18), by=alice, at=NOW)

    page = client.get(URL)

    [row] = page.context["mine"].missed
    assert (row.when, row.instead, row.uncovered) == (
        "Tue 17 March 14:00 to Wed 18 March 14:00",
        "Nobody",
        True,
    )
    assert reverse("admin:oncall_absence_change", args=[away.pk]) in page.content.decode()


def test_who_has_them_instead_is_named(client, alice, people):
    below = layer("below", priority=0, slots=[["carol"]])
    make_schedule(layers=[layer(), below])
    absences.add(alice, start=day(17), end=day(18), by=alice, at=NOW)

    [row] = mine(client).missed
    assert (row.instead, row.uncovered) == ("Carol Doe", False)


def test_once_covered_it_is_hers_no_more(client, alice, people, schedule):
    away = absences.add(alice, start=day(17), end=day(18), by=alice, at=NOW)
    carol = people["carol"]
    absences.cover(away, schedule=schedule, start=day(17), end=day(18), cover=carol, by=alice, at=NOW)

    assert mine(client).missed == []


def test_an_exception_that_names_her_while_she_is_away_is_marked(client, alice, schedule):
    absences.add(alice, start=day(12), end=day(14), by=alice, at=NOW)
    schedules.add_exception(schedule, kind="add", user=alice, start=day(12), end=day(13), by=None, at=NOW)

    assert mine(client).ahead[0].away
    assert "You are away then" in words(client.get(URL))


# -- what she can do ---------------------------------------------------------------------------------------
def test_a_shift_can_be_offered_and_then_waits(client, alice, people, schedule):
    offer = mine(client).ahead[0].offer_url
    form = client.get(offer).context["adminform"].form

    assert form.initial["requester"] == str(alice.pk)
    swap = swaps.ask(schedule, requester=alice, start=day(16), end=day(18), by=alice, at=NOW)
    assert mine(client).ahead[0].asked == swap
    assert "Offered, not taken yet" in words(client.get(URL))


def test_of_a_shift_under_way_only_the_rest_is_offered(client, alice, schedule, time_machine):
    time_machine.move_to(day(17), tick=False)

    assert "start=2026-03-17T14%3A00" in mine(client).ahead[0].offer_url


def test_what_an_exception_gives_cannot_be_offered(client, alice, schedule):
    schedules.add_exception(schedule, kind="add", user=alice, start=day(12), end=day(13), by=None, at=NOW)

    assert mine(client).ahead[0].offer_url == ""


def test_it_links_to_absences_calendars_and_notices(client, alice, schedule):
    html = client.get(URL).content.decode()
    assert reverse("admin:oncall_absence_add") in html
    assert f"{reverse('admin:oncall_calendarfeed_add')}?user={alice.pk}" in html
    assert reverse("admin:oncall_noticepreference_add") in html

    chosen = NoticePreference.objects.create(user=alice)
    assert (
        reverse("admin:oncall_noticepreference_change", args=[chosen.pk]) in client.get(URL).content.decode()
    )


def test_who_has_no_shift_is_told_so(client, alice):
    page = client.get(URL)

    assert "No shifts in the next 8 weeks" in words(page)
    assert "/admin/oncall/on-call/" in page.content.decode()


def test_it_costs_the_same_for_one_shift_and_for_many(client, alice, people):
    swap = {"requester": people["bob"], "taker": alice, "by": alice, "at": NOW}
    first = make_schedule("first")
    absences.add(alice, start=day(17), end=day(18), by=alice, at=NOW)
    swaps.take_at_once(first, start=day(12), end=day(13), **swap)
    few = queries(client, URL)

    for n in range(10):
        daily = make_schedule(
            f"more-{n}", layers=[layer(rotation={"unit": "day", "anchor": "2026-03-02T09:00"})]
        )
        swaps.take_at_once(daily, start=NOW + timedelta(hours=1), end=day(14), **swap)
    absences.add(alice, start=day(24), end=day(27), by=alice, at=NOW)

    assert queries(client, URL) == few
