from postmortems import drafting
from postmortems.models import PostMortem
from tests.postmortems.conftest import AT


def now():
    return AT


def test_the_draft_holds_milestones_impact_and_timeline(incident, alice):
    postmortem = drafting.draft(incident, by=alice, at=AT)

    assert "| Detected | 2026-03-09 09:04:00 |" in postmortem.facts
    assert "Time to mitigate: 40 min" in postmortem.facts
    assert "Checkout: partial outage" in postmortem.facts
    assert "The dashboard was down as well" in postmortem.facts


def test_the_incident_goes_into_review(incident, alice):
    assert drafting.draft(incident, by=alice, at=AT).incident.state == "in_review"


def test_what_responders_noted_begins_the_section_it_belongs_to(incident, alice):
    postmortem = drafting.draft(incident, by=alice, at=AT)

    assert "Obstacle, Alice: The dashboard" in postmortem.sections.get(kind="went_badly").text


def test_drafting_again_gives_the_same_draft(incident, alice):
    first = drafting.draft(incident, by=alice, at=AT)

    assert drafting.draft(incident, by=alice, at=AT) == first


def test_refreshing_never_touches_what_people_wrote(draft, alice):
    drafting.refresh(draft, by=alice, at=AT)

    assert draft.sections.get(kind="summary").text == "It ran out of connections."


def test_the_pulse_drafts_what_the_severity_asks_for(incident):
    assert drafting.open_reviews(now=now) == 1
    assert drafting.open_reviews(now=now) == 0
    assert PostMortem.objects.get().incident == incident


def test_a_title_with_markup_stays_text_in_the_facts(incident, alice, checkout):
    checkout.name = "<b>Check</b> & out"
    checkout.save()

    assert "<b>Check</b> & out: partial" in drafting.facts(incident)


def test_an_incident_that_cannot_be_drafted_stops_nobody(incident, monkeypatch):
    def trip(*args, **options):
        raise ValueError("poison")

    monkeypatch.setattr(drafting, "draft", trip)

    assert drafting.open_reviews(now=now) == 0
