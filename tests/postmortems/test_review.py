import pytest

from oncall.messaging.errors import DomainError
from postmortems import actions, drafting, review
from tests.postmortems.conftest import AT


def test_approved_by_another_the_incident_follows_up(submitted, bob):
    approved = review.approve(submitted, by=bob, at=AT)

    assert approved.state == "approved"
    assert approved.incident.state == "following_up"


def test_whoever_leads_it_does_not_approve_it(submitted, alice):
    with pytest.raises(DomainError, match="does not approve"):
        review.approve(submitted, by=alice, at=AT)


def test_it_is_not_approved_without_the_cause(submitted, bob):
    submitted.incident.root_cause_type = ""
    submitted.incident.save()

    with pytest.raises(DomainError, match="the type of the root cause"):
        review.approve(submitted, by=bob, at=AT)


def test_every_action_needs_an_owner_before_approval(submitted, alice, bob):
    actions.add(submitted, title="Add a limit", priority="low", by=alice, at=AT)

    with pytest.raises(DomainError, match="needs an owner and a priority"):
        review.approve(submitted, by=bob, at=AT)


def test_a_lower_priority_needs_a_date_before_approval(submitted, alice, bob):
    actions.add(submitted, title="Add a limit", priority="low", owner=bob, by=alice, at=AT)

    with pytest.raises(DomainError, match="needs a date"):
        review.approve(submitted, by=bob, at=AT)


def test_an_empty_draft_is_not_submitted(incident, alice):
    draft = drafting.draft(incident, by=alice, at=AT)
    draft.sections.update(text="")

    with pytest.raises(DomainError, match="Nothing is written yet"):
        review.submit(draft, by=alice, at=AT)


def test_sent_back_it_is_a_draft_again(submitted, bob):
    assert review.send_back(submitted, reason="Why five minutes?", by=bob, at=AT).state == "draft"


def test_only_an_approved_one_is_published(submitted, bob):
    with pytest.raises(DomainError, match="Only an approved"):
        review.publish(submitted, by=bob, at=AT)

    approved = review.approve(submitted, by=bob, at=AT)
    assert review.publish(approved, by=bob, at=AT).state == "published"


def test_approved_it_cannot_be_rewritten(submitted, alice, bob):
    approved = review.approve(submitted, by=bob, at=AT)

    with pytest.raises(DomainError, match="stands"):
        drafting.write(approved, sections={"summary": "Otherwise"}, by=alice, at=AT)


def test_without_rights_nothing_is_changed(submitted, carol):
    for verb in (review.approve, review.publish, review.send_back):
        with pytest.raises(DomainError) as refused:
            verb(submitted, by=carol, at=AT)
        assert refused.value.code in {"forbidden", "not_approved"}


def test_every_change_of_state_stands_in_the_history_with_who(submitted, bob):
    approved = review.approve(submitted, by=bob, at=AT)

    latest = approved.history.first()
    assert (latest.history_user, latest.history_change_reason) == (bob, "Approved")
