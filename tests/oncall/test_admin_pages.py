"""Pages in the console: the story, and answering from it. alice is paged, then bob; carol has no rights."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from oncall import clock, paging
from oncall.messaging.models import Delivery
from oncall.models import Page, Team


@pytest.fixture(autouse=True)
def present(at, monkeypatch):
    """It is 10:03 on the Monday of our stories."""
    monkeypatch.setattr(clock, "now", lambda: at("10:03"))


@pytest.fixture
def waiting(page, advance) -> Page:
    """alice was paged at 10:00; bob is next at 10:05."""
    advance("10:00")
    return Page.objects.get(pk=page.pk)


def console(user) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def url(page: Page, verb: str = "") -> str:
    return f"/admin/oncall/page/{page.pk}/" + (f"verbs/{verb}/" if verb else "change/")


def press(user, page: Page, verb: str, **fields):
    shown = f"{page.cycle}.{page.loop}.{page.step}"
    return console(user).post(url(page, verb), {"expected": shown, **fields})


def test_the_story_says_who_was_paged_why_how_and_who_is_next(waiting, alice):
    html = console(alice).get(url(waiting)).content.decode()

    assert "Named in the step" in html
    assert "E-mail to alice@…" in html and "alice@example.com" not in html
    assert "In 2 min:</b> Bob is paged" in html
    assert "Open for 3 min. 1 person tried, nobody has answered." in html


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ("sent", "", "Handed over in 0 s"),
        ("dead", "550 no such mailbox\nbye", "Given up: 550 no such mailbox"),
        ("cancelled", "", "Not sent: no longer needed"),
        ("kept", "", "Kept here: no mail server is set"),
    ],
)
def test_every_end_of_a_delivery_has_its_words(waiting, alice, at, state, error, words):
    Delivery.objects.update(state=state, last_error=error, due_at=None, finished_at=at("10:00"))

    html = console(alice).get(url(waiting)).content.decode()

    assert words in html and "bye" not in html


def test_whoever_was_paged_may_answer_without_a_right(waiting, alice):
    answer = press(alice, waiting, "acknowledge")

    waiting.refresh_from_db()
    assert answer.status_code == 302
    assert (waiting.state, waiting.acknowledged_by) == ("acknowledged", alice)


def test_acknowledging_counts_even_if_the_page_has_moved_on_meanwhile(waiting, alice, advance):
    advance("10:05")

    press(alice, waiting, "acknowledge")

    assert Page.objects.get(pk=waiting.pk).acknowledged_by == alice


def test_a_second_press_on_escalate_skips_nobody(waiting, alice):
    press(alice, waiting, "escalate")
    before = Page.objects.get(pk=waiting.pk)

    press(alice, waiting, "escalate")

    after = Page.objects.get(pk=waiting.pk)
    assert (after.step, after.generation) == (before.step, before.generation)


def test_whoever_was_not_paged_and_has_no_right_may_not(waiting, carol):
    assert press(carol, waiting, "acknowledge").status_code == 403
    assert Page.objects.get(pk=waiting.pk).state == "active"


def test_snoozing_asks_how_long(waiting, alice, at):
    asked = console(alice).get(url(waiting, "snooze"))
    press(alice, waiting, "snooze", minutes="60")

    waiting.refresh_from_db()
    assert b"Be quiet for" in asked.content
    assert (waiting.state, waiting.next_step_at) == ("snoozed", at("11:03"))


def test_a_page_that_is_over_offers_nothing(waiting, alice, at):
    paging.resolve(waiting, by=alice, at=at("10:02"))

    html = console(alice).get(url(waiting)).content.decode()

    assert "/verbs/" not in html and "Over after 2 min" in html


def test_a_private_page_is_found_by_those_with_a_part_in_it_only(waiting, alice, carol, admin_user):
    Page.objects.update(private=True)

    assert console(alice).get(url(waiting)).status_code == 200
    assert console(carol).get(url(waiting)).status_code in {302, 403, 404}
    assert b"Card payments fail" not in console(carol).get("/admin/").content
    assert console(admin_user).get(url(waiting)).status_code == 200


def test_the_list_shows_what_waits(waiting, root):
    html = console(root).get("/admin/oncall/page/").content.decode()

    assert "Card payments fail" in html and "Waiting for an answer" in html and "in 2 min" in html


@pytest.fixture
def half(make_policy, make_page, alice, bob, at, advance) -> Page:
    """alice and bob must both acknowledge; alice has."""
    page = make_page(make_policy((0, [alice, bob], {"everyone": True})))
    advance("10:00")
    return paging.acknowledge(page, by=alice, at=at("10:02"))


def test_where_everybody_must_answer_the_list_and_the_story_say_who_has(half, root):
    assert "Alice answered · Bob has not" in console(root).get("/admin/oncall/page/").content.decode()
    html = console(root).get(url(half)).content.decode()
    assert "2 people tried. Alice answered · Bob has not." in html


def test_at_the_end_of_the_line_nobody_is_said_not_to_have_answered_who_has(half, root, advance):
    advance("10:05")
    advance("10:10")

    html = console(root).get("/admin/oncall/page/", {"state__exact": "exhausted"}).content.decode()
    assert "Not everybody answered</span>" in html and "Nobody answered</span>" not in html
    assert "Everybody was paged. Alice answered · Bob has not" in half.events.last().text


def test_the_first_page_says_who_has_answered(half, root):
    assert "Alice answered · Bob has not" in console(root).get("/admin/").content.decode()


def test_the_api_says_who_has_answered_and_who_has_not(half, root):
    shown = console(root).get(f"/api/v1/pages/{half.pk}/").json()

    assert (shown["answered"], shown["awaited"], shown["acknowledged_by"]) == (["alice"], ["bob"], None)


def test_an_empty_step_stands_in_the_story(make_page, make_policy, bob, root, advance):
    page = make_page(make_policy((0, Team.objects.create(slug="empty", name="Empty")), (5, bob)))
    advance("10:00")

    assert "Step 1 reaches nobody: Empty has no members" in console(root).get(url(page)).content.decode()


def test_of_a_page_that_follows_another_policy_the_story_says_by_which_it_began(
    waiting, make_policy, carol, root, at
):
    other = make_policy((0, carol), slug="generals", name="Generals")
    paging.follow_policy(waiting, other, why="Major", by=None, at=at("10:02"))

    html = console(root).get(url(waiting)).content.decode()

    assert "Paging Payments." in html and "frozen for this page" not in html
    assert "Major is paged by Generals from here, from the first step" in html


def test_a_changed_policy_is_said(page, policy, carol, root):
    policy.steps.first().targets.update(user=carol)

    assert "The policy has changed since" in console(root).get(url(page)).content.decode()


def test_nothing_can_be_edited_added_or_deleted(page, root):
    client = console(root)

    assert client.get("/admin/oncall/page/add/").status_code == 403
    assert client.post(url(page), {"title": "x"}).status_code == 403
    assert client.post(f"/admin/oncall/page/{page.pk}/delete/").status_code == 403


def queries(client: Client, address: str) -> int:
    """What a page costs once everything that is kept is there."""
    client.get(address)
    with CaptureQueriesContext(connection) as counted:
        assert client.get(address).status_code == 200
    return len(counted)


def test_the_list_takes_as_many_queries_for_thirty_pages_as_for_one(make_page, policy, root, advance):
    client = console(root)
    make_page(policy)
    advance("10:00")
    few = queries(client, "/admin/oncall/page/")

    for _ in range(29):
        make_page(policy)
    advance("10:00")

    assert queries(client, "/admin/oncall/page/") == few


def test_the_story_takes_as_many_queries_however_long_it_is(
    make_page, make_policy, alice, bob, root, advance
):
    page = make_page(make_policy((0, alice), (5, bob), repeat=5))
    client = console(root)
    advance("10:00")
    few = queries(client, url(page))

    for minute in range(5, 40, 5):
        advance(f"10:{minute:02}")

    assert queries(client, url(page)) <= few + 1  # who is next may be another question
