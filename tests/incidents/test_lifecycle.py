"""What the verbs do beside moving the state: times, impacts, pages, guards, and the way back."""

from datetime import timedelta

import pytest

from incidents import engagement, lifecycle, tasks, timeline
from incidents.models import Alert, AlertSource, Incident, State
from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.models import Page, Service
from tests.incidents.conftest import person

pytestmark = pytest.mark.django_db


def refused(code: str, verb, *args, **fields) -> str:
    with pytest.raises(DomainError) as refusal:
        verb(*args, **fields)
    assert refusal.value.code == code
    return refusal.value.detail


def pages(incident: Incident) -> list[tuple[str, str]]:
    rows = incident.engagements.select_related("page").order_by("pk")
    return [(row.kind, row.page.state) for row in rows]


# -- beginning ---------------------------------------------------------------------------------------------
def test_detecting_pages_the_service_and_nobody_else(detected, checkout, at):
    assert pages(detected) == [("impacted", "active")]
    page = Page.objects.get()
    assert (page.policy, page.service, page.reference) == (checkout.policy, checkout, detected.key)
    assert page.facts["service"] == "Checkout"
    assert (detected.detected_at, detected.declared_at, detected.impact_started_at) == (
        at("10:00"),
        None,
        None,
    )


def test_detecting_without_a_service_pages_the_managers(portal, at):
    incident = lifecycle.detect(title="Something is wrong", by=None, at=at("10:00"))

    assert pages(incident) == [("manager", "active")]
    assert Page.objects.get().policy == portal.incident_manager_policy


def test_an_alert_from_a_clock_that_runs_ahead_is_detected_now(checkout, portal, at):
    incident = lifecycle.detect(title="x", service=checkout, detected_at=at("12:00"), by=None, at=at("10:00"))

    assert incident.detected_at == at("10:00")


def test_a_title_keeps_to_one_line(checkout, portal, at):
    incident = lifecycle.detect(
        title="Down\r\nBcc: all@example.com\x00", service=checkout, by=None, at=at("10:00")
    )

    assert incident.title == "Down Bcc: all@example.com"
    refused("title_missing", lifecycle.detect, title=" \n ", by=None, at=at("10:00"))


def test_declaring_opens_channel_and_bridge_and_pages_the_manager(declared, at):
    assert declared.channel_name == f"{declared.key.lower()}-card-payments-fail"
    assert declared.channel_url == f"https://chat.example.com/{declared.channel_name}"
    assert declared.bridge_url.startswith(f"https://meet.example.com/{declared.key.lower()}-")
    assert len(declared.bridge_url.rsplit("-", 1)[1]) >= 12
    assert pages(declared) == [("impacted", "active"), ("manager", "active")]
    assert (declared.declared_at, declared.impact_started_at) == (at("10:05"), at("10:00"))
    assert declared.update_due_at == at("10:15")  # as for the worst, until it is classified
    assert [(row.start, row.end) for row in declared.impacts.all()] == [(at("10:00"), None)]


def test_what_was_paged_before_learns_of_channel_and_state(declared):
    for page in Page.objects.all():
        assert page.facts["channel_url"] == declared.channel_url
        assert page.facts["state"] == "declared"


def test_the_channel_of_a_private_incident_does_not_tell_its_title(checkout, portal, bob, at):
    incident = lifecycle.declare(title="Data leak", services=[checkout], private=True, by=bob, at=at("10:00"))

    assert "leak" not in incident.channel_name
    assert incident.channel_name.startswith(incident.key.lower())


def test_declaring_anew_pages_services_and_manager(other):
    assert pages(other) == [("impacted", "active"), ("manager", "active")]
    assert other.transitions.get().from_state == ""


def test_a_declaration_needs_a_service_or_a_text(bob, at):
    refused("service_missing", lifecycle.declare, title="Something", by=bob, at=at("10:00"))

    assert (
        lifecycle.declare(title="Something", summary="Odd noises", by=bob, at=at("10:00")).state == "declared"
    )


def test_an_impact_cannot_begin_after_it_was_detected_unless_found_before_it_hurt(detected, bob, at):
    sentence = refused(
        "times_out_of_order",
        lifecycle.declare,
        detected,
        impact_started_at=at("10:02"),
        by=bob,
        at=at("10:05"),
    )
    done = lifecycle.declare(detected, impact_started_at=at("10:02"), proactive=True, by=bob, at=at("10:05"))

    assert "2026-03-09 10:02 UTC" in sentence
    assert done.durations.ttd == 0


def test_acknowledging_stops_the_pages_one_can_answer(declared, alice, bob, at):
    first = lifecycle.acknowledge(declared, by=alice, at=at("10:06"))
    assert pages(first) == [("impacted", "acknowledged"), ("manager", "active")]

    second = lifecycle.acknowledge(first, by=bob, at=at("10:07"))

    assert pages(second) == [("impacted", "acknowledged"), ("manager", "acknowledged")]
    assert second.acknowledged_at == at("10:06")
    assert second.transitions.filter(name="acknowledge").count() == 1
    assert second.durations.tta == 6 * 60


def test_acknowledging_again_changes_nothing(declared, alice, at):
    lifecycle.acknowledge(declared, by=alice, at=at("10:06"))
    told = declared.timeline.count()

    lifecycle.acknowledge(declared, by=alice, at=at("10:09"))

    assert declared.timeline.count() == told


def test_a_clock_that_was_set_back_refuses_no_answer(detected, alice, at):
    done = lifecycle.acknowledge(detected, by=alice, at=at("09:00"))

    assert done.acknowledged_at == done.detected_at


# -- severity ----------------------------------------------------------------------------------------------
def test_classifying_goes_on_to_troubleshooting_by_itself(troubleshooting, at):
    names = list(troubleshooting.transitions.order_by("id").values_list("name", flat=True))

    assert names == ["detect", "declare", "classify", "troubleshoot"]
    assert troubleshooting.classified_at == troubleshooting.troubleshooting_at == at("10:10")
    assert troubleshooting.update_due_at == at("10:15")
    assert Page.objects.first().facts["severity_label"] == "Major"


def test_differing_from_the_rules_needs_a_reason(declared, minor, bob, at):
    declared = lifecycle.edit(declared, brand_at_stake=True, by=bob, at=at("10:06"))

    sentence = refused(
        "differs_from_rule", lifecycle.classify, declared, severity=minor, by=bob, at=at("10:10")
    )
    done = lifecycle.classify(declared, severity=minor, reason="A press test", by=bob, at=at("10:10"))

    assert "The rules suggest Major: Revenue or the brand is at stake." in sentence
    data = done.transitions.get(name="classify").data
    assert (data["severity"], data["suggested"]) == ("minor", "major")
    assert data["warnings"] == ["The rules suggest Major: Revenue or the brand is at stake."]


def test_lowering_needs_a_reason_and_calls_nobody_off(troubleshooting, minor, bob, at):
    before = pages(troubleshooting)

    refused(
        "lowered_without_reason",
        lifecycle.reclassify,
        troubleshooting,
        severity=minor,
        by=bob,
        at=at("10:20"),
    )
    done = lifecycle.reclassify(troubleshooting, severity=minor, reason="Few users", by=bob, at=at("10:20"))

    assert done.severity == minor
    assert pages(done) == before
    assert set(Page.objects.values_list("urgency", flat=True)) == {"low"}
    assert done.update_due_at == at("10:05") + minor.first_update_after


def test_raising_pages_loudly_whoever_was_paged_quietly(declared, minor, major, bob, ledger, at):
    quiet = lifecycle.classify(declared, severity=minor, by=bob, at=at("10:10"))
    quiet = engagement.engage(quiet, service=ledger, by=bob, at=at("10:11"))
    page = quiet.engagements.get(service=ledger).page
    assert page.urgency == "low"

    lifecycle.reclassify(quiet, severity=major, by=bob, at=at("10:20"))

    page.refresh_from_db()
    assert (page.urgency, page.next_step_at) == ("high", at("10:20"))


def test_the_first_severity_counts_for_time_to_classify(troubleshooting, medium, bob, at):
    done = lifecycle.reclassify(troubleshooting, severity=medium, reason="One region", by=bob, at=at("10:40"))

    assert done.classified_at == at("10:10")


# -- mitigated and back ------------------------------------------------------------------------------------
def test_mitigating_ends_the_downtime_at_the_time_it_was_so(troubleshooting, alice, at):
    done = lifecycle.mitigate(
        troubleshooting, text="Traffic moved", effective_at=at("10:25"), by=alice, at=at("10:30")
    )

    assert done.mitigated_at == at("10:25")
    assert [row.end for row in done.impacts.all()] == [at("10:25")]
    entry = done.timeline.last()
    assert (entry.at, entry.recorded_at, entry.text) == (at("10:25"), at("10:30"), "Mitigated: Traffic moved")


def test_nobody_is_held_up_in_a_crisis(detected, minor, alice, at):
    refused("severity_missing", lifecycle.mitigate, detected, text="Restarted", by=alice, at=at("10:03"))

    done = lifecycle.mitigate(detected, text="Restarted", severity=minor, by=alice, at=at("10:03"))

    assert (done.state, done.severity, done.declared_at) == ("mitigated", minor, None)
    assert done.impact_started_at == at("10:00")
    assert [(row.start, row.end) for row in done.impacts.all()] == [(at("10:00"), at("10:03"))]


@pytest.mark.parametrize("clock", ["09:59", "10:31"])
def test_a_mitigation_lies_between_the_impact_and_now(clock, troubleshooting, alice, at):
    refused(
        "times_out_of_order", lifecycle.mitigate, troubleshooting,
        text="x", effective_at=at(clock), by=alice, at=at("10:30"),
    )  # fmt: skip

    assert Incident.objects.get(pk=troubleshooting.pk).state == "troubleshooting"


def test_what_is_back_begins_a_new_impact_and_keeps_the_old_times(mitigated, clear, alice, at):
    paging.resolve(mitigated.engagements.first().page, by=alice, at=at("10:35"))
    clear(mitigated)

    done = lifecycle.recur(mitigated, reason="Errors again", by=None, at=at("10:55"))

    assert (done.state, done.mitigated_at) == ("troubleshooting", None)
    assert [(row.start, row.end) for row in done.impacts.all()] == [
        (at("10:00"), at("10:30")),
        (at("10:55"), None),
    ]
    before = done.transitions.get(name="recur").data["before"]
    assert before["mitigated_at"] == "2026-03-09T10:30:00Z"
    assert [row["service"] for row in before["all_clears"]] == ["checkout"]
    assert not done.affected_services.filter(all_clear_at__isnull=False).exists()
    assert pages(done)[-1] == ("impacted", "active")


def test_a_temporary_mitigation_is_taken_out_before_resolving(troubleshooting, clear, bob, at):
    mitigated = lifecycle.mitigate(
        troubleshooting, text="Payments queued", temporary=True, by=bob, at=at("10:30")
    )
    clear(mitigated)

    sentence = refused(
        "mitigation_active", lifecycle.resolve, mitigated, text="Fixed", by=bob, at=at("11:00")
    )
    tasks.done(mitigated.tasks.get(), by=bob, at=at("11:01"))
    done = lifecycle.resolve(mitigated, text="Fixed", by=bob, at=at("11:02"))

    assert sentence.startswith("1 temporary mitigation is still to be taken out.")
    assert done.state == "resolved"


# -- resolved ----------------------------------------------------------------------------------------------
def test_resolving_waits_for_the_all_clear_of_every_service_hurt(mitigated, ledger, checkout, alice, bob, at):
    mitigated = engagement.engage(mitigated, service=ledger, kind="impacted", by=bob, at=at("10:40"))
    engagement.all_clear(mitigated, service=checkout, by=alice, at=at("10:45"))

    sentence = refused(
        "all_clear_missing", lifecycle.resolve, mitigated, text="Fixed", by=bob, at=at("11:00")
    )
    engagement.all_clear(mitigated, service=ledger, by=alice, at=at("11:01"))

    assert sentence == "Major incidents need the all-clear of each impacted service. Missing: Ledger."
    assert lifecycle.resolve(mitigated, text="Fixed", by=bob, at=at("11:02")).state == "resolved"


def test_a_minor_one_needs_no_all_clear(declared, minor, bob, at):
    quiet = lifecycle.classify(declared, severity=minor, by=bob, at=at("10:10"))

    done = lifecycle.resolve(quiet, text="Fixed", by=bob, at=at("10:20"))

    assert (done.resolved_at, done.mitigated_at, done.mitigation_inferred) == (at("10:20"), at("10:20"), True)
    assert done.durations.ttm == done.durations.ttr == 1200
    assert [row.end for row in done.impacts.all()] == [at("10:20")]


def test_resolving_ends_pages_and_the_update_clock(resolved):
    assert {state for _, state in pages(resolved)} == {"resolved"}
    assert resolved.update_due_at is None


def test_what_only_warns_is_written_down(mitigated, clear, bob, at):
    tasks.add(mitigated, title="Call the acquirer", by=bob, at=at("10:40"))

    done = lifecycle.resolve(clear(mitigated), text="Fixed", by=bob, at=at("11:00"))

    assert done.transitions.get(name="resolve").data["warnings"] == [
        "1 task is still open; turn what outlives the incident into an action item.",
        "Nobody was sent an update since the last change of state.",
    ]


def test_reopening_archives_what_was_reached_and_calls_everybody_in(closed, bob, at):
    done = lifecycle.reopen(closed, reason="It was another cause", by=bob, at=at("15:00"))

    assert (done.state, done.reopen_count) == ("troubleshooting", 1)
    assert [getattr(done, name) for name in ("mitigated_at", "resolved_at", "reviewed_at", "closed_at")] == [
        None
    ] * 4
    before = done.transitions.get(name="reopen").data["before"]
    assert (before["resolved_at"], before["resolution"]) == ("2026-03-09T11:00:00Z", "Pool enlarged")
    assert done.impacts.filter(end__isnull=True).count() == 1
    assert [state for _, state in pages(done)].count("active") == 2
    assert done.update_due_at == at("10:15")


def test_time_to_mitigate_counts_the_last_mitigation(mitigated, bob, at):
    back = lifecycle.recur(mitigated, reason="Again", by=bob, at=at("10:45"))

    done = lifecycle.mitigate(back, text="For good", by=bob, at=at("11:20"))

    assert done.durations.ttm == 80 * 60


# -- after the fix -----------------------------------------------------------------------------------------
def test_a_major_one_is_reviewed_before_it_is_closed(resolved, bob, at):
    refused("review_due", lifecycle.close, resolved, by=bob, at=at("12:00"))
    refused("review_mandatory", lifecycle.skip_review, resolved, reason="No time", by=bob, at=at("12:00"))


def test_a_review_is_approved_when_the_cause_is_known(in_review, bob, at):
    sentence = refused("cause_unknown", lifecycle.approve_review, in_review, by=bob, at=at("13:00"))

    assert sentence == "Before the review is approved, fill in the root cause and the service that caused it."


def test_closing_waits_for_the_actions(following_up, bob, at):
    open_ones = lifecycle.track_actions(following_up, open=2, by=None, at=at("13:10"))

    sentence = refused("actions_open", lifecycle.close, open_ones, by=bob, at=at("14:00"))
    lifecycle.track_actions(following_up, open=0, by=None, at=at("14:10"))

    assert sentence == "2 action items are still open: finish, or waive with a reason."
    assert lifecycle.close(following_up, by=bob, at=at("15:00")).closed_at == at("15:00")


# -- other ends --------------------------------------------------------------------------------------------
def test_a_false_alarm_ends_its_pages_and_comes_back_with_them(declared, bob, at):
    gone = lifecycle.cancel(declared, reason="A test", by=bob, at=at("10:07"))
    assert {state for _, state in pages(gone)} == {"resolved"}

    back = lifecycle.restore(gone, reason="No test", by=bob, at=at("10:20"))

    assert (back.state, back.ended_at, back.update_due_at) == ("declared", None, at("10:15"))
    assert [state for _, state in pages(back)] == ["resolved", "resolved", "active", "active"]
    assert [(row.start, row.end) for row in back.impacts.all()] == [(at("10:00"), None)]


def alert(incident: Incident, at) -> Alert:
    source = AlertSource.objects.create(slug="prom", name="Prometheus", dialect="json")
    when = {"first_seen_at": at("10:00"), "last_seen_at": at("10:00")}
    return Alert.objects.create(source=source, dedup_key="k", summary="x", incident=incident, **when)


def test_merging_moves_what_the_other_must_go_on_with(declared, other, checkout, bob, at):
    ours = alert(declared, at)
    task = tasks.add(declared, title="Call the acquirer", by=bob, at=at("10:06"))

    gone = lifecycle.merge(declared, into=other, by=bob, at=at("10:08"))

    assert (gone.state, gone.merged_into, gone.update_due_at) == ("merged", other, None)
    ours.refresh_from_db(), task.refresh_from_db()
    assert (ours.incident, task.incident) == (other, other)
    assert set(other.affected_services.values_list("service__slug", flat=True)) == {"ledger", "checkout"}
    assert other.engagements.filter(service=checkout, page__state="active").exists()
    assert pages(gone) == [("manager", "resolved")]
    assert other.timeline.last().text == f"{gone.key} was merged into this: Card payments fail"
    assert Page.objects.get(service=checkout).facts["key"] == other.key


def test_taking_apart_brings_everything_back(declared, other, bob, at):
    ours = alert(declared, at)
    gone = lifecycle.merge(declared, into=other, by=bob, at=at("10:08"))

    back = lifecycle.unmerge(gone, by=bob, at=at("10:30"))

    ours.refresh_from_db()
    assert (back.state, back.merged_into, ours.incident) == ("declared", None, declared)
    assert [state for _, state in pages(back)] == ["active", "resolved", "active"]
    assert [(row.start, row.end) for row in back.impacts.all()] == [(at("10:00"), None)]


def test_after_a_month_nothing_is_taken_apart(merged, bob, at):
    refused("merged_long_ago", lifecycle.unmerge, merged, by=bob, at=at("10:08") + timedelta(days=31))


def test_where_nothing_can_be_merged(declared, other, bob, at):
    refused("cannot_merge_there", lifecycle.merge, declared, into=declared, by=bob, at=at("10:10"))
    lifecycle.make_private(declared, by=None, at=at("10:10"))
    hidden = Incident.objects.get(pk=declared.pk)
    refused("cannot_merge_there", lifecycle.merge, hidden, into=other, by=None, at=at("10:11"))
    lifecycle.cancel(other, reason="x", by=bob, at=at("10:12"))
    refused("cannot_merge_there", lifecycle.merge, hidden, into=other, by=None, at=at("10:13"))


def test_nobody_learns_of_a_private_incident_by_merging_into_it(declared, other, at):
    dave = person("dave", "manage_incident")
    lifecycle.make_private(other, by=None, at=at("10:10"))

    sentence = refused("not_found", lifecycle.merge, declared, into=other, by=dave, at=at("10:11"))

    assert other.title not in sentence


# -- edits -------------------------------------------------------------------------------------------------
def test_correcting_a_time_needs_a_reason_and_moves_the_impact(resolved, alice, bob, at):
    change = {"impact_started_at": at("09:50"), "mitigated_at": at("10:28")}

    refused("reason_missing", lifecycle.edit, resolved, by=bob, at=at("12:00"), **change)
    refused("forbidden", lifecycle.edit, resolved, by=alice, at=at("12:00"), reason="Logs", **change)
    done = lifecycle.edit(resolved, by=bob, at=at("12:00"), reason="From the logs", **change)

    assert [(row.start, row.end) for row in done.impacts.all()] == [(at("09:50"), at("10:28"))]
    assert done.durations.ttm == 38 * 60
    data = done.timeline.last().data
    assert data["mitigated_at"] == {"before": "2026-03-09T10:30:00Z", "after": "2026-03-09T10:28:00Z"}
    assert done.history.first().history_change_reason == "From the logs"


@pytest.mark.parametrize(
    "change", [{"resolved_at": "10:20"}, {"mitigated_at": "11:01"}, {"detected_at": "16:00"}]
)
def test_corrected_times_keep_their_order(change, resolved, bob, at):
    wrong = {name: at(value) for name, value in change.items()}

    refused("times_out_of_order", lifecycle.edit, resolved, by=bob, at=at("12:00"), reason="x", **wrong)


def test_a_milestone_that_was_not_reached_is_not_edited_in(declared, bob, at):
    change = {"resolved_at": at("10:06")}

    refused("not_reached", lifecycle.edit, declared, by=bob, at=at("10:07"), reason="x", **change)


def test_saying_how_things_stand_reaches_the_pages(declared, alice, at):
    done = lifecycle.edit(declared, summary="A third of cards fail.", by=alice, at=at("10:08"))

    assert (done.summary_by, done.summary_at) == (alice, at("10:08"))
    assert Page.objects.first().facts["summary"] == "A third of cards fail."
    assert done.timeline.last().text == "Now: A third of cards fail."


def test_an_edit_that_changes_nothing_writes_nothing(declared, bob, at):
    told = declared.timeline.count()

    done = lifecycle.edit(declared, title=declared.title, by=bob, at=at("10:08"), expected_version=0)

    assert (done.version, declared.timeline.count()) == (declared.version, told)


def test_state_and_severity_cannot_be_edited(declared, major, bob, at):
    refused("field_unknown", lifecycle.edit, declared, state="closed", by=bob, at=at("10:08"))
    refused("field_unknown", lifecycle.edit, declared, severity=major, by=bob, at=at("10:08"))


# -- the past ----------------------------------------------------------------------------------------------
def test_an_incident_of_the_past_is_told_in_the_order_of_its_times(checkout, portal, major, bob, at):
    incident = lifecycle.declare_past(
        title="Database lost", severity=major, services=[checkout], impact_started_at=at("01:00"),
        detected_at=at("01:04"), declared_at=at("01:06"), acknowledged_at=at("01:09"), classified_at=at("01:15"),
        resolved_at=at("03:00"), closed_at=at("05:00"), by=bob, at=at("10:00"),
    )  # fmt: skip

    story = list(incident.transitions.order_by("id").values_list("name", "effective_at", "to_state"))
    assert story == [
        ("detect", at("01:04"), "detected"),
        ("declare", at("01:06"), "declared"),
        ("acknowledge", at("01:09"), "declared"),
        ("classify", at("01:15"), "troubleshooting"),
        ("resolve", at("03:00"), "resolved"),
        ("close", at("05:00"), "closed"),
    ]
    assert (incident.mitigation_inferred, incident.durations.ttm) == (True, 7200)
    assert [(row.start, row.end) for row in incident.impacts.all()] == [(at("01:00"), at("03:00"))]
    assert Page.objects.count() == 0
    assert list(timeline.verify([incident])) == []


def test_an_impossible_past_is_refused(major, bob, at):
    refused(
        "times_out_of_order", lifecycle.declare_past, title="x", severity=major, impact_started_at=at("03:00"),
        resolved_at=at("01:00"), by=bob, at=at("10:00"),
    )  # fmt: skip


# -- rights and stale forms --------------------------------------------------------------------------------
def test_who_has_no_right_is_told_which(declared, carol, at):
    sentence = refused("forbidden", lifecycle.cancel, declared, reason="x", by=carol, at=at("10:06"))

    assert "manage incidents" in sentence


def test_the_incident_manager_needs_no_right_elsewhere(declared, carol, bob, minor, at):
    declared.roles.create(role="incident_manager", user=carol, since=at("10:05"))

    done = lifecycle.classify(declared, severity=minor, by=carol, at=at("10:10"))

    assert done.state == State.TROUBLESHOOTING


def test_a_stale_form_is_refused_and_says_what_has_happened(declared, troubleshooting, bob, at):
    sentence = refused(
        "stale",
        lifecycle.cancel,
        declared,
        reason="x",
        expected_version=declared.version,
        by=bob,
        at=at("10:20"),
    )

    assert sentence == (
        f"{declared.key} has changed while you were looking (troubleshoot by Bob, 2026-03-09 10:10 UTC); it is "
        "troubleshooting now. Look at it again, then repeat what still fits."
    )


def test_of_two_who_resolve_with_the_same_form_one_is_told(mitigated, clear, bob, at):
    dave, seen = person("dave", "manage_incident"), clear(mitigated).version
    lifecycle.resolve(mitigated, text="Pool enlarged", expected_version=seen, by=bob, at=at("11:00"))

    refused(
        "stale", lifecycle.resolve, mitigated, text="Reboot", expected_version=seen, by=dave, at=at("11:00")
    )
    again = lifecycle.resolve(mitigated, text="Pool enlarged", expected_version=seen, by=bob, at=at("11:00"))

    assert again.resolution == "Pool enlarged"


def test_a_service_without_policy_still_reaches_its_team(portal, team, bob, at):
    bare = Service.objects.create(slug="bare", name="Bare", team=team)

    incident = lifecycle.detect(title="x", service=bare, by=None, at=at("10:00"))

    assert incident.engagements.get().page.team == team
