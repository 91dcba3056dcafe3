"""The timeline only grows, and whoever changes it behind the portal's back is found."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from incidents import timeline
from incidents.models import TimelineEntry, Transition
from oncall.messaging.errors import DomainError

pytestmark = pytest.mark.django_db


def sql(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def verified() -> str:
    out = io.StringIO()
    call_command("verify_timeline", stdout=out)
    return out.getvalue()


def test_every_entry_follows_the_one_before(troubleshooting):
    entries = list(troubleshooting.timeline.order_by("sequence"))

    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.previous_hash for entry in entries] == ["", *(entry.hash for entry in entries[:-1])]
    assert verified() == f"{len(entries)} entries, all whole.\n"


@pytest.mark.parametrize(
    ("column", "value"),
    [("text", "Nothing happened"), ("actor_name", "Carol"), ("at", "2026-03-09 08:00:00"), ("kind", "note"),
     ("data", "{}"), ("recorded_at", "2026-03-09 08:00:00")],
)  # fmt: skip
def test_a_row_changed_in_the_database_is_found(column, value, troubleshooting):
    entry = troubleshooting.timeline.get(data__to="declared")

    sql(f"UPDATE incidents_timelineentry SET {column} = %s WHERE id = %s", value, entry.pk)

    faults = list(timeline.verify())
    assert faults[0] == (
        f"{troubleshooting.key}, entry {entry.sequence}: its content was changed after it was written."
    )
    with pytest.raises(CommandError):
        verified()


def test_a_row_whose_hash_was_made_to_fit_is_found_by_the_next(troubleshooting):
    entry = troubleshooting.timeline.get(data__to="declared")
    entry.text = "Nothing happened"
    sql(
        "UPDATE incidents_timelineentry SET text = %s, hash = %s WHERE id = %s",
        entry.text, timeline.digest(entry), entry.pk,
    )  # fmt: skip

    assert list(timeline.verify())[0].endswith("it does not follow the entry before it.")


def test_a_row_that_was_removed_is_found(troubleshooting):
    middle = troubleshooting.timeline.get(sequence=2)

    sql("DELETE FROM incidents_timelineentry WHERE id = %s", middle.pk)

    assert "entry 2 is missing" in list(timeline.verify())[0]


def test_a_change_of_state_cut_off_at_the_end_is_found(declared):
    told = declared.transitions.get(name="declare")
    sequence = declared.timeline.get(data__transition=told.pk).sequence

    sql(
        "DELETE FROM incidents_timelineentry WHERE incident_id = %s AND sequence >= %s", declared.pk, sequence
    )

    assert list(timeline.verify()) == [
        f"{declared.key}: the entry that tells of transition {told.pk} is missing."
    ]


def test_nobody_edits_an_entry_through_the_portal(declared):
    entry = declared.timeline.first()
    entry.text = "Nothing happened"

    for change in (entry.save, entry.delete, declared.transitions.first().delete):
        with pytest.raises(TypeError):
            change()


def test_an_account_that_is_deleted_breaks_no_proof(declared, carol, at):
    declared.roles.all().delete()
    timeline.add(declared, kind="note", text="Seen", by=carol, at=at("10:06"))
    carol.delete()

    assert list(timeline.verify()) == []
    assert TimelineEntry.objects.latest("pk").actor_name == "Carol"


def test_what_is_written_is_clean_and_reads_back_the_same(declared, at):
    odd = {"share": 0.25, "when": at("10:00"), "many": {3}, "name\x00": "a\u0000b", "big": 2**70, "e": 1e20}

    entry = timeline.add(
        declared, kind="note", text="A\x00B\x1b[31m\u202eC", by=None, at=at("10:06"), data=odd
    )

    entry.refresh_from_db()
    assert entry.text == "AB[31mC"
    assert entry.data["when"] == "2026-03-09T10:00:00Z"
    assert list(timeline.verify()) == []


# -- notes -------------------------------------------------------------------------------------------------
def test_a_note_is_added_with_its_kind_and_time(declared, alice, at):
    timeline.note(
        declared, text=" Restarted it ", kind="action", happened_at=at("10:03"), by=alice, at=at("10:06")
    )

    entry = declared.timeline.last()
    assert (entry.kind, entry.text, entry.at, entry.recorded_at) == (
        "action", "Restarted it", at("10:03"), at("10:06"),
    )  # fmt: skip


def test_a_double_click_adds_one_note(declared, alice, at):
    for clock in ("10:06:00", "10:06:02", "10:07:00"):
        timeline.note(declared, text="Seen", by=alice, at=at(clock))

    assert declared.timeline.filter(kind="note").count() == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "\x00 "}, "text_missing"),
        ({"text": "x" * 20_001}, "text_too_long"),
        ({"text": "x", "kind": "state"}, "kind_unknown"),
    ],
)
def test_what_is_no_note(fields, code, declared, alice, at):
    with pytest.raises(DomainError) as refusal:
        timeline.note(declared, by=alice, at=at("10:06"), **fields)

    assert refusal.value.code == code


def test_every_change_of_state_is_told_once(closed):
    told = [entry.data["transition"] for entry in closed.timeline.all() if "transition" in entry.data]

    assert sorted(told) == sorted(Transition.objects.filter(incident=closed).values_list("pk", flat=True))
