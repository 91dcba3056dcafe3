from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from incidents.models import Incident
from oncall import clock
from postmortems import actions, drafting, review
from postmortems.models import ActionItem, PostMortem, Section
from tests.postmortems.conftest import AT, person


def page(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def verb(row, name: str) -> str:
    return page(row).replace("/change/", f"/verbs/{name}/")


@pytest.fixture
def signed_in(client, alice):
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    return client


def test_the_incidents_page_leads_to_the_draft(signed_in, incident):
    assert "Write the post-mortem" in signed_in.get(page(incident)).content.decode()

    answer = signed_in.post(reverse("admin:postmortems_postmortem_draft", args=[incident.pk]))

    assert answer.headers["Location"] == page(PostMortem.objects.get())


def test_opening_the_draft_page_changes_nothing(signed_in, incident):
    signed_in.get(reverse("admin:postmortems_postmortem_draft", args=[incident.pk]))

    assert PostMortem.objects.count() == 0


def test_the_page_shows_facts_what_is_missing_and_words_that_blame(signed_in, draft, alice):
    drafting.write(draft, sections={"causes": "Bob was careless."}, by=alice, at=AT)

    text = signed_in.get(page(draft)).content.decode()

    assert "Milestones" in text
    assert "still a draft" in text
    assert "“careless”" in text


def fields_of(client, draft, **texts: str) -> dict:
    """What a browser would send: every section as its page shows it, but for ``texts``."""
    sections = client.get(page(draft)).context["formset"]
    fields = {f"{sections.prefix}-{name}": value for name, value in sections.management_form.initial.items()}
    for form in sections.forms:
        shown = form.initial["text"].replace("\n", "\r\n")
        fields |= {f"{form.prefix}-id": form.instance.pk, f"{form.prefix}-postmortem": draft.pk}
        fields |= {f"{form.prefix}-seen": form.initial["seen"]}
        fields |= {f"{form.prefix}-text": texts.get(form.instance.kind, shown)}
    return fields


def text_of(draft, kind: str) -> str:
    return draft.sections.get(kind=kind).text


def test_the_sections_are_written_on_the_page(signed_in, draft):
    fields = fields_of(signed_in, draft, **{kind: f"Text of {kind}" for kind in Section.Kind.values})

    answer = signed_in.post(page(draft), fields)

    assert answer.headers["Location"] == page(draft)
    assert {row.text for row in draft.sections.all()} == {f"Text of {kind}" for kind in Section.Kind.values}


def test_only_what_was_changed_is_written(signed_in, draft, alice):
    drafting.write(draft, sections={"causes": "One\nTwo"}, by=alice, at=AT)
    before = Section.history.count()

    signed_in.post(page(draft), fields_of(signed_in, draft, lucky="It was noon."))

    assert Section.history.count() == before + 1
    assert Section.history.latest().history_user == alice
    assert text_of(draft, "causes") == "One\nTwo"


def test_two_people_writing_different_sections_lose_nothing(signed_in, draft, bob):
    fields = fields_of(signed_in, draft, lucky="It was noon.")
    drafting.write(draft, sections={"causes": "Bob's cause"}, by=bob, at=AT)

    signed_in.post(page(draft), fields)

    assert (text_of(draft, "lucky"), text_of(draft, "causes")) == ("It was noon.", "Bob's cause")


def test_a_section_that_somebody_else_changed_meanwhile_is_not_written_over(signed_in, draft, bob):
    fields = fields_of(signed_in, draft, causes="Alice's cause")
    drafting.write(draft, sections={"causes": "Bob's cause"}, by=bob, at=AT)

    answer = signed_in.post(page(draft), fields)

    text = answer.content.decode()
    assert "Somebody else changed this section" in text
    assert "Bob's cause" in text and "Alice&#x27;s cause" in text
    assert text_of(draft, "causes") == "Bob's cause"


def test_after_the_clash_the_next_press_saves(signed_in, draft, bob):
    fields = fields_of(signed_in, draft, causes="Alice's cause")
    drafting.write(draft, sections={"causes": "Bob's cause"}, by=bob, at=AT)
    shown = signed_in.post(page(draft), fields).context["formset"]
    again = {f"{form.prefix}-seen": form["seen"].value() for form in shown.forms}

    signed_in.post(page(draft), {**fields, **again})

    assert text_of(draft, "causes") == "Alice's cause"


def test_an_empty_section_says_what_belongs_there_to_whoever_may_write(client, signed_in, draft):
    hint = Section.HINTS[Section.Kind.LUCKY]
    assert hint in signed_in.get(page(draft)).content.decode()

    client.force_login(person("ivy", "Executive"))

    assert hint not in client.get(page(draft)).content.decode()


def test_approving_is_a_press_of_somebody_else(client, submitted, bob):
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    expected = client.get(page(submitted)).context["bar"][0].expected

    client.post(verb(submitted, "approve"), {"expected": expected})

    assert PostMortem.objects.get().state == "approved"


def test_an_action_is_added_and_done(signed_in, draft, alice):
    expected = PostMortem.objects.get().state
    fields = {
        "title": "Add a limit",
        "owner": alice.pk,
        "priority": "high",
        "due_on": "",
        "expected": expected,
    }
    signed_in.post(verb(draft, "add-action"), fields)
    action = ActionItem.objects.get()

    signed_in.post(verb(action, "finish"), {"expected": action.state})

    assert ActionItem.objects.get().state == "done"


def test_the_export_is_a_markdown_file(signed_in, draft):
    answer = signed_in.get(reverse("admin:postmortems_postmortem_export", args=[draft.pk]))

    assert answer.headers["Content-Type"].startswith("text/markdown")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_private_incidents_review_is_nowhere_for_strangers(client, draft, alice, bob, carol):
    action = actions.add(draft, title="Secret limit", owner=alice, priority="high", by=alice, at=AT)
    Incident.objects.update(private=True, reporter=alice)
    carol.is_staff = True
    carol.user_permissions.set(bob.groups.get().permissions.all())
    carol.save()
    client.force_login(carol)

    for address in (
        page(draft),
        page(action),
        reverse("admin:postmortems_postmortem_export", args=[draft.pk]),
    ):
        assert client.get(address).status_code in {302, 404}
    for name in ("postmortem", "actionitem"):
        listing = client.get(reverse(f"admin:postmortems_{name}_changelist")).content.decode()
        assert "Secret limit" not in listing
        assert draft.incident.title not in listing


def test_the_list_of_actions_takes_the_same_queries_however_long(signed_in, draft, alice):
    def queries(count: int) -> int:
        for number in range(count):
            actions.add(draft, title=f"Action {count} {number}", owner=alice, priority="high", by=alice, at=AT)
        with CaptureQueriesContext(connection) as asked:
            signed_in.get(reverse("admin:postmortems_actionitem_changelist"))
        return len(asked)

    queries(1)  # whatever is asked once and kept

    assert queries(2) == queries(20)


def test_published_it_is_read_only_for_everybody(signed_in, submitted, bob):
    review.publish(review.approve(submitted, by=bob, at=AT), by=bob, at=AT)

    assert signed_in.post(page(submitted), {}).status_code == 403


def test_published_it_is_a_text_without_fields(signed_in, submitted, bob):
    review.publish(review.approve(submitted, by=bob, at=AT), by=bob, at=AT)

    text = signed_in.get(page(submitted)).content.decode()

    assert "It ran out of connections." in text
    assert "<textarea" not in text and "Five whys" not in text
    assert "Approved by" in text and "Before it can be approved" not in text


def test_the_timeline_is_shown_and_the_other_facts_only_once(signed_in, draft):
    text = signed_in.get(page(draft)).content.decode()

    assert "The dashboard was down as well" in text
    assert text.count("Time to mitigate") == 1
    assert text.count(">Impact started<") == 1


def test_a_word_that_blames_leads_to_its_section(signed_in, draft, alice):
    drafting.write(draft, sections={"causes": "Bob was careless."}, by=alice, at=AT)

    assert '<a href="#causes">Contributing factors</a>, line 1' in signed_in.get(page(draft)).content.decode()


def test_whoever_leads_it_is_not_offered_to_approve_it(signed_in, submitted):
    shown = signed_in.get(page(submitted))

    assert [button.name for button in shown.context["bar"]] == ["send-back"]
    assert "Somebody else reads and approves it." in shown.content.decode()


def test_lead_and_dates_are_set_by_a_verb(signed_in, draft, bob):
    fields = {"lead": bob.pk, "due_at": "2026-03-20T12:00", "meeting_at": "", "expected": draft.state}

    signed_in.post(verb(draft, "plan"), fields)

    fresh = PostMortem.objects.get()
    assert (fresh.lead, fresh.meeting_at) == (bob, None)
    assert fresh.history.latest().history_change_reason == "Lead and dates"


@pytest.fixture
def late_action(draft, bob, alice, monkeypatch) -> ActionItem:
    """Due on Friday the 20th; it is Monday."""
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(days=14))
    return actions.add(
        draft, title="Add a limit", owner=bob, priority="low", due_on=date(2026, 3, 20), by=alice, at=AT
    )


def test_an_action_says_how_late_it_is(signed_in, draft, late_action):
    for address in (
        page(draft),
        page(late_action),
        reverse("admin:postmortems_actionitem_changelist"),
    ):
        assert "3 days late" in signed_in.get(address).content.decode()


def test_an_action_is_ticked_off_on_the_post_mortem_and_opened_again(signed_in, draft, late_action):
    row = signed_in.get(page(draft)).context["actions"][0]

    answer = signed_in.post(row.finish.url, {"expected": row.finish.expected, "next": row.finish.back})
    assert answer.headers["Location"] == page(draft) + "#actions"
    assert ActionItem.objects.get().state == "done"

    row = signed_in.get(page(draft)).context["actions"][0]
    signed_in.post(row.reopen.url, {"expected": row.reopen.expected})
    assert ActionItem.objects.get().state == "open"


def test_looking_finishes_nothing(signed_in, late_action):
    signed_in.get(verb(late_action, "finish"))

    assert ActionItem.objects.get().state == "open"


def test_the_owner_changes_her_action_without_any_right(client, late_action, bob):
    bob.groups.clear()
    client.force_login(bob)
    fields = {"title": "Add two limits", "owner": bob.pk, "priority": "low", "due_on": "2026-03-20"}

    client.post(page(late_action), {**fields, "essential": "on"})

    assert ActionItem.objects.get().title == "Add two limits"


def test_an_action_that_somebody_else_changed_meanwhile_is_not_written_over(signed_in, late_action, bob):
    form = signed_in.get(page(late_action)).context["adminform"].form
    actions.change(late_action, title="Bob's title", by=bob, at=AT)
    fields = {**form.initial, "owner": bob.pk, "title": "Alice's title"}

    answer = signed_in.post(page(late_action), fields)

    assert "Somebody else has changed this action" in answer.content.decode()
    assert ActionItem.objects.get().title == "Bob's title"


def test_an_incident_that_does_not_say_why_is_one_press_away(signed_in, submitted):
    assert "#edit" not in signed_in.get(page(submitted)).content.decode()
    Incident.objects.update(root_cause_type="")

    assert f'{page(submitted.incident)}#edit"' in signed_in.get(page(submitted)).content.decode()


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as taken:
        assert client.get(address).status_code == 200
    return len(taken)


def test_the_page_asks_as_often_for_twenty_actions_as_for_two(signed_in, draft, alice, bob):
    def add(count: int) -> None:
        for number in range(count):
            owner = (alice, bob)[number % 2]
            actions.add(draft, title=f"Action {number}", owner=owner, priority="high", by=alice, at=AT)

    add(2)
    few = queries(signed_in, page(draft))
    add(18)

    assert queries(signed_in, page(draft)) == few <= 40


def test_the_list_tells_what_is_late(signed_in, draft, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: draft.due_at + timedelta(days=3, minutes=1))

    text = signed_in.get(reverse("admin:postmortems_postmortem_changelist")).content.decode()

    assert "1 not approved yet, 1 of them late." in text
    assert "3 d late" in text


def test_the_list_can_be_cut_down_to_what_is_late(signed_in, draft):
    listing = reverse("admin:postmortems_postmortem_changelist")

    assert draft.incident.title in signed_in.get(listing, {"late": "1"}).content.decode()
    assert draft.incident.title not in signed_in.get(listing, {"state": "published"}).content.decode()
