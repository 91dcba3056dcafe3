import pytest
from django.urls import reverse

from incidents.models import Incident
from postmortems import actions, drafting, review
from postmortems.models import ActionItem, PostMortem
from tests.postmortems.conftest import AT


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


def test_the_sections_are_written_on_the_page(signed_in, draft):
    sections = signed_in.get(page(draft)).context["formset"]
    fields = {f"{sections.prefix}-{name}": value for name, value in sections.management_form.initial.items()}
    for index, section in enumerate(sections.forms):
        fields |= {f"{section.prefix}-id": section.instance.pk, f"{section.prefix}-text": f"Text {index}"}
        fields[f"{section.prefix}-postmortem"] = draft.pk

    answer = signed_in.post(page(draft), {**fields, "lead": draft.lead_id})

    assert answer.status_code == 302, answer.context["errors"]
    assert draft.sections.get(kind="impact").text == "Text 1"


def test_approving_is_a_press_of_somebody_else(client, submitted, bob):
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    expected = client.get(page(submitted)).context["verb_buttons"][0].expected

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


@pytest.mark.parametrize("count", [2, 20])
def test_the_list_of_actions_takes_the_same_queries_however_long(
    signed_in, draft, alice, count, django_assert_max_num_queries
):
    for number in range(count):
        actions.add(draft, title=f"Action {number}", owner=alice, priority="high", by=alice, at=AT)

    with django_assert_max_num_queries(22):
        signed_in.get(reverse("admin:postmortems_actionitem_changelist"))


def test_published_it_is_read_only_for_everybody(signed_in, submitted, bob):
    review.publish(review.approve(submitted, by=bob, at=AT), by=bob, at=AT)

    assert signed_in.post(page(submitted), {}).status_code == 403
