"""``import statuspage``: what came in is what the page says afterwards, and nobody is mailed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.importing import PAGES, Document, ImportFault, reading
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Message
from statuspage import catalogue, importing, uptime
from statuspage.catalogue import Reading
from statuspage.models import Component, ComponentImpact, Origin, Post, PostUpdate, StatusPage, Subscriber

SAMPLES = Path(__file__).parents[1] / "cases" / "statuspage_v2"
PUBLIC = ("summary.json", "components.json", "incidents.json", "scheduled-maintenances.json")
#: The instant at which the samples were saved.
SAVED = datetime(2026, 11, 20, 14, 42, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def parsed(*contents, product="statuspage", name="a.json"):
    return PAGES[product]([Document(name, content) for content in contents])


def samples():
    return PAGES["statuspage"](reading.documents([SAMPLES / name for name in PUBLIC]))


def take_over(past, at=SAVED, **options):
    return importing.take_over(past, StatusPage.main(), by=None, at=at, **options)


def served(path, at=SAVED):
    return json.loads(catalogue.find(path, StatusPage.main()).make(Reading(StatusPage.main(), at)))


def component(key="aaaaaaaaaaaa", **facts):
    return {"id": key, "name": "REST API", "status": "operational", "group_id": None, "page_id": "p"} | facts


def incident(*updates, key="bbbbbbbbbbbb", **facts):
    return {
        "id": key,
        "name": "Errors",
        "status": "resolved",
        "impact": "major",
        "created_at": "2026-11-10T10:00:00Z",
        "resolved_at": "2026-11-10T12:00:00Z",
        "incident_updates": list(updates),
    } | facts


def update(key, at, status="investigating", **affected):
    rows = [
        {"code": code, "name": "x", "old_status": "operational", "new_status": new}
        for code, new in affected.items()
    ]
    return {"id": key, "status": status, "body": "x", "created_at": at, "affected_components": rows}


# -- there and back ------------------------------------------------------------------------------------------
def without_ours(value):
    """What documents may differ in: the page's address and its links, and when page and components were saved.

    A component here is never older than the last post that changed it; the sample has one that is.
    """
    if isinstance(value, dict):
        stamped = "time_zone" in value or "showcase" in value
        return {
            key: without_ours(item)
            for key, item in value.items()
            if key not in {"shortlink", "url"} and not (key == "updated_at" and stamped)
        }
    return [without_ours(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "name",
    [
        *PUBLIC,
        "status.json",
        "incidents/unresolved.json",
        "scheduled-maintenances/active.json",
        "scheduled-maintenances/upcoming.json",
    ],
)
def test_every_document_comes_back_as_it_came_in(name):
    take_over(samples())

    sample = json.loads((SAMPLES / name.replace("/", "_")).read_text())
    assert without_ours(served(f"/api/v2/{name}")) == without_ours(sample)


def test_taking_over_again_changes_nothing():
    take_over(samples())
    before = PostUpdate.objects.count(), ComponentImpact.objects.count(), StatusPage.main().version

    again = take_over(samples())

    assert (again.writes, again.changes) == (0, [])
    assert (PostUpdate.objects.count(), ComponentImpact.objects.count(), StatusPage.main().version) == before


def test_the_page_is_outdated_once_and_nobody_is_mailed(subscribed):
    version = StatusPage.main().version

    take_over(parsed([component(), incident(update("u" * 12, "2026-11-10T10:00:00Z"))]))

    assert StatusPage.main().version == version + 1
    assert not Message.objects.exists()
    assert not PostUpdate.objects.exclude(fan_out_at=None).exists()


@pytest.fixture
def subscribed(db):
    return Subscriber.objects.create(
        page=StatusPage.main(),
        address="dave@shop.example",
        state="active",
        created_at=SAVED,
        confirmed_at=SAVED,
    )


# -- what people changed here --------------------------------------------------------------------------------
def test_what_nobody_touched_here_follows_the_other_product():
    take_over(parsed([component(name="API"), incident()]))

    done = take_over(parsed([component(name="Public API"), incident(name="Errors, all over")]))

    assert (Component.objects.get().name, Post.objects.get().name) == ("Public API", "Errors, all over")
    assert {(one.what, one.fields) for one in done.changes} == {
        ("component", ("name",)),
        ("post", ("title",)),
    }


def test_what_somebody_changed_here_is_left_alone_unless_told_to_overwrite():
    take_over(parsed([component(), incident()]))
    Post.objects.update(name="In our words")
    Component.objects.update(description="In our words")
    newer = parsed([component(name="Public API"), incident(name="In theirs")])

    left = take_over(newer)
    kept = Component.objects.get().name, Post.objects.get().name
    take_over(newer, overwrite=True)

    assert [one.action for one in left.changes] == ["leave", "leave"]
    assert kept == ("REST API", "In our words")
    assert (Component.objects.get().name, Post.objects.get().name) == ("Public API", "In theirs")
    assert Component.objects.get().description == ""


def test_what_was_deleted_here_stays_deleted():
    take_over(parsed([component(), incident()]))
    Post.objects.get().delete()

    done = take_over(parsed([component(), incident()]))

    assert [str(one) for one in done.changes] == ["leave post 'Errors' (bbbbbbbbbbbb): deleted here"]


def test_a_page_with_content_of_its_own_keeps_its_name():
    Component.objects.create(slug="ours", name="Ours")

    take_over(samples())

    assert StatusPage.main().name != "Example Cloud"
    assert Component.objects.filter(name="REST API").exists()


def test_every_thing_taken_over_has_a_history_that_says_so():
    take_over(samples())

    for model in (Component, Post, PostUpdate, ComponentImpact):
        assert model.history.count() == model.objects.count()
        assert model.history.first().history_change_reason == "Taken over from statuspage"


# -- subscribers ---------------------------------------------------------------------------------------------
def reader(email="dave@shop.example", key="ssssssssssss", **facts):
    row = {"id": key, "mode": "email", "email": email, "created_at": "2026-01-01T00:00:00Z", "components": []}
    return row | facts


def test_confirmed_addresses_join_with_the_components_they_chose():
    past = parsed([component(), reader(components=["aaaaaaaaaaaa"])], name="subscribers-active.json")

    take_over(past)

    row = Subscriber.objects.get()
    assert (row.state, row.everything, row.confirmed_at.year) == ("active", False, 2026)
    assert [one.public_id for one in row.components.all()] == ["aaaaaaaaaaaa"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("name", "facts", "why"),
    [
        ("subscribers-active.json", {"mode": "sms", "phone_number": "1"}, "1 subscribers by sms"),
        ("subscribers-active.json", {"mode": "webhook", "endpoint": "https://x.example"}, "by webhook"),
        ("subscribers-active.json", {"quarantined_at": "2026-01-01T00:00:00Z"}, "in quarantine"),
        ("subscribers-active.json", {"email": "abuse@shop.example"}, "technical"),
        ("subscribers-unconfirmed.json", {}, "that are unconfirmed there"),
        ("subscribers.json", {}, "does not tell their state"),
    ],
)
def test_a_subscriber_who_cannot_be_taken_is_counted_and_told_why(name, facts, why):
    past = parsed([component(), reader(**facts)], name=name)

    take_over(past)

    assert not Subscriber.objects.exists()
    assert any(why in remark.text for remark in past.remarks)


def test_who_left_here_is_never_brought_back():
    past = parsed([component(), reader()], name="subscribers-active.json")
    take_over(past)
    Subscriber.objects.all().delete()

    done = take_over(past, overwrite=True)

    assert not Subscriber.objects.exists()
    assert [one.fields for one in done.changes] == [("has left here",)]
    assert "dave" not in str(done.changes[0])


def test_who_chose_components_that_are_not_here_gets_no_mail_about_others():
    take_over(parsed([component(), reader(components=["zzzzzzzzzzzz"])], name="subscribers-active.json"))

    assert not Subscriber.objects.exists()


# -- the past ------------------------------------------------------------------------------------------------
def test_uptime_is_what_the_updates_said_at_the_times_they_show():
    """Half an hour of a partial outage, half an hour of a major one: 0.3 x 1800 s + 1800 s of 90 days."""
    take_over(
        parsed(
            [
                component(start_date="2026-01-01"),
                incident(
                    update("u1" + "x" * 10, "2026-11-10T10:00:00Z", aaaaaaaaaaaa="partial_outage"),
                    update("u2" + "x" * 10, "2026-11-10T10:30:00Z", aaaaaaaaaaaa="major_outage"),
                    update("u3" + "x" * 10, "2026-11-10T11:00:00Z", "resolved", aaaaaaaaaaaa="operational"),
                ),
            ]
        )
    )

    days = Reading(StatusPage.main(), SAVED).recent.by_id["aaaaaaaaaaaa"].days

    bad = next(day for day in days if day.weighted_tenths)
    assert (bad.date.isoformat(), bad.major_s, bad.partial_s) == ("2026-11-10", 1800, 1800)
    assert str(uptime.percentage(days)) == "99.96"  # 1 - 2340 / 7 776 000, cut
    assert uptime.statuspage_colour(bad) == "#e67328"  # 0.65 weighted hours, two ninths from orange to red


def test_an_incident_that_does_not_say_what_it_did_to_its_components_is_told_of():
    """Statuspage's older incidents carry no ``affected_components``."""
    silent = incident({"id": "u" * 12, "status": "resolved", "created_at": "2026-11-10T10:00:00Z"})

    past = parsed([component(), silent | {"components": [component()]}])

    assert [remark.text for remark in past.remarks] == [
        "does not say what it did to its components, so it counts no downtime."
    ]


def test_a_closed_post_says_nothing_of_a_component_after_its_end():
    take_over(
        parsed([component(), incident(update("u" * 12, "2026-11-10T10:00:00Z", aaaaaaaaaaaa="major_outage"))])
    )

    assert ComponentImpact.objects.get().end.isoformat() == "2026-11-10T12:00:00+00:00"


def test_a_component_that_is_bad_without_a_post_is_so_by_its_baseline():
    take_over(parsed([component(status="degraded_performance", updated_at="2026-11-19T08:00:00Z")]))

    assert Component.objects.get().status == "degraded_performance"
    assert ComponentImpact.objects.get(post=None).start.isoformat() == "2026-11-19T08:00:00+00:00"


def test_a_component_set_well_by_hand_under_an_open_post_is_well():
    said = update("u" * 12, "2026-11-20T10:00:00Z", aaaaaaaaaaaa="major_outage")
    post = incident(said, status="monitoring", resolved_at=None)

    take_over(parsed([component(updated_at="2026-11-20T11:00:00Z"), post]))

    assert served("/api/v2/status.json")["status"]["indicator"] == "none"
    assert ComponentImpact.objects.get().end.isoformat() == "2026-11-20T11:00:00+00:00"


def test_a_published_post_mortem_becomes_the_last_update_and_a_draft_does_not():
    told = incident(postmortem_body="Because.", postmortem_published_at="2026-11-12T10:00:00Z")
    draft = incident(key="cccccccccccc", postmortem_body="Not yet.", postmortem_published_at=None)

    take_over(parsed([told, draft]))

    assert [one.body for one in PostUpdate.objects.all()] == ["Because."]


def test_the_manage_api_says_more_of_a_post_than_the_public_documents():
    more = incident(impact_override="critical", backfilled=True, postmortem_body=None)

    take_over(parsed([more], {"incidents": [incident()]}))

    post = Post.objects.get()
    assert (post.impact, post.impact_override, post.shown_impact, post.backfilled) == (
        "major",
        "critical",
        "critical",
        True,
    )


def test_the_time_zone_is_that_of_the_public_documents():
    """The manage API writes it in words of its own, which no other program knows."""
    managed = {"id": "pppppppppppp", "name": "Shop", "time_zone": "Pacific Time (US & Canada)", "domain": "x"}
    public = {"page": {"id": "pppppppppppp", "name": "Shop", "time_zone": "America/Los_Angeles"}}

    for contents in ([managed, public], [public, managed]):
        assert parsed(*contents).site.time_zone == "America/Los_Angeles"


def test_groups_of_the_manage_api_hold_their_components():
    group = {"id": "gggggggggggg", "name": "Shop", "components": ["aaaaaaaaaaaa"], "position": 1}

    take_over(parsed([group], [component()]))

    assert Component.objects.get(name="REST API").parent.name == "Shop"


def test_a_planned_maintenance_begins_by_the_clock_and_mails_only_if_the_source_says_so():
    planned = {"scheduled_for": "2026-12-01T22:00:00Z", "scheduled_until": "2026-12-01T23:00:00Z"}
    loud = planned | {
        "scheduled_auto_in_progress": True,
        "auto_transition_deliver_notifications_at_start": True,
    }
    common = {"status": "scheduled", "impact": "maintenance", "resolved_at": None}

    take_over(parsed([incident(**common, **planned), incident(key="cccccccccccc", **common, **loud)]))

    quiet, loud = Post.objects.order_by("public_id")
    assert quiet.next_edge_at == loud.next_edge_at == datetime(2026, 12, 1, 22, tzinfo=UTC)
    assert (quiet.notify_at_start, loud.notify_at_start) == (False, True)


def test_a_maintenance_that_ended_since_the_files_were_saved_is_over_at_its_planned_end():
    said = update("u" * 12, "2026-11-19T22:00:00Z", "in_progress", aaaaaaaaaaaa="under_maintenance")
    window = {"scheduled_for": "2026-11-19T22:00:00Z", "scheduled_until": "2026-11-19T23:00:00Z"}
    running = incident(said, status="in_progress", impact="maintenance", resolved_at=None, **window)

    take_over(parsed([component(status="under_maintenance"), running | {"components": [component()]}]))

    post = Post.objects.get()
    assert (post.status, post.resolved_at.hour, post.next_edge_at) == ("completed", 23, None)
    assert ComponentImpact.objects.get().end == post.resolved_at
    assert Component.objects.get().status == "operational"


# -- rubbish -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([component(status="on fire")], r"a.json\[0\].status: what is there is not known; known are"),
        ([incident(status="exploded")], r"a.json\[0\].status: 'exploded' is not known"),
        ([{"name": "x", "status": "operational", "group_id": None}], r"a.json\[0\].id: is missing"),
        ([component(name="\n\u0000")], r"a.json\[0\].name: is missing"),
        ([incident(created_at=None)], r"created_at: is missing"),
        ([incident(created_at="yesterday")], r"created_at: must be a date and time"),
        ([incident({"id": "x"})], r"incident_updates\[0\].created_at: is missing"),
        ([incident(*[update("u" * 12, "2026-11-10T10:00:00Z")] * 2)], "as well"),
        ([{"id": "g", "name": "Shop", "components": {}}], "components: must be a list"),
        ({"error": "Could not authenticate"}, "an error that the API answered"),
        ({"page": {"id": "p1", "name": "A"}, "components": "none"}, "must be an object, or a list"),
        (
            [{"id": "p1", "name": "A", "time_zone": "UTC"}, {"id": "p2", "name": "B", "time_zone": ""}],
            "2 pages",
        ),
        (["x"], "must be an object"),
        ([], "nothing that could be taken over"),
        (
            [
                component("a" * 12, group=True, group_id="b" * 12),
                component("b" * 12, group=True, group_id="a" * 12),
            ],
            "groups that hold each other",
        ),
    ],
)
def test_rubbish_is_refused_in_a_sentence_with_its_place(content, sentence):
    with pytest.raises(ImportFault, match=sentence):
        parsed(content)


def test_hostile_words_are_cleaned_and_nothing_of_them_runs():
    name = "Line\nbreak \u202e<script>alert(1)</script>\ud800" + "x" * 400
    take_over(parsed([component(name=name, description="<script>"), incident(name=name)]))

    page = catalogue.find("/", StatusPage.main()).make(Reading(StatusPage.main(), SAVED)).decode()
    assert "<script>" not in page
    assert Component.objects.get().name.startswith("Line break <script>")
    assert len(Component.objects.get().name) == 200


def test_a_group_that_is_in_no_file_leaves_its_component_alone_and_says_so():
    past = parsed([component(group_id="zzzzzzzzzzzz")])

    take_over(past)

    assert Component.objects.get().parent is None
    assert "in none of the files" in past.remarks[0].text


@pytest.mark.parametrize("key", ["../../etc", "42", "ABCDEFGHIJKL", "\ud800", "x" * 5000])
def test_an_id_that_is_not_of_our_form_becomes_the_same_one_each_time(key):
    take_over(parsed([component(key=key), incident(key=key)]))

    assert take_over(parsed([component(key=key), incident(key=key)])).writes == 0
    assert all(len(row.public_id) == 12 and row.public_id.isalnum() for row in [*Component.objects.all()])


def test_nothing_is_written_where_an_id_is_taken_on_another_page():
    other = StatusPage.objects.create(slug="other", name="Other")
    take_over(parsed([incident()]))
    past = parsed([component(), incident()])

    with pytest.raises(DomainError, match="is on the page"):
        importing.take_over(past, other, by=None, at=SAVED)

    assert not other.components.exists()


# -- the command ---------------------------------------------------------------------------------------------
def test_the_command_shows_a_plan_and_writes_only_when_told_to(tmp_path, capsys):
    for name in PUBLIC:
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())

    call_command("import", "statuspage", str(tmp_path))
    planned = capsys.readouterr().out
    empty = Post.objects.count()
    call_command("import", "statuspage", str(tmp_path), "--apply")

    assert "make post 'Sign-in failures with SAML' (m8xc14trb6hz)" in planned
    assert "posts: 6 to make, 0 to change, 0 as they are, 0 left alone." in planned
    assert "nothing has been written" in planned
    assert (empty, Post.objects.count()) == (0, 6)
    assert Origin.objects.filter(what="post").count() == 6


def test_pages_of_a_list_may_stand_behind_each_other_in_one_file(tmp_path):
    path = tmp_path / "incidents.json"
    path.write_text(json.dumps([incident()]) + "\n" + json.dumps([incident(key="cccccccccccc")]))

    call_command("import", "statuspage", str(path), "--apply")

    assert Post.objects.count() == 2


@pytest.mark.parametrize(
    "content", [b"[" * 1_000_000, b'{"page":', b"\xff\xfe", b"", b'{"page": {}} trailing']
)
def test_bytes_that_are_no_json_are_refused_in_a_sentence(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)

    with pytest.raises(CommandError, match="not JSON as an API returns it"):
        call_command("import", "statuspage", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["statuspage", "x.json", "-o", "out.yaml"], "taken over with --apply"),
        (["pagerduty", "x.json", "--apply"], "name it with -o"),
    ],
)
def test_what_belongs_to_the_other_kind_of_product_is_refused(given, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text("[]")

    with pytest.raises(CommandError, match=sentence):
        call_command("import", *given)


def test_a_page_that_is_not_there_is_named():
    with pytest.raises(CommandError, match="There is no page 'nowhere'"):
        call_command("import", "statuspage", str(SAMPLES / "summary.json"), "--page", "nowhere")
