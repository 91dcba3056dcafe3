"""Reading a schedule form: what is refused, and in which words."""

from copy import deepcopy

import pytest

from oncall import rotation

FORM = {
    "time_zone": "Europe/Berlin",
    "layers": [
        {
            "name": "primary",
            "priority": 1,
            "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"},
            "slots": [["alice"], ["bob"]],
            "restrictions": [{"type": "daily", "days": ["MO"], "from": "22:00", "to": "06:00"}],
            "edits": [{"at": "2026-06-10T12:00Z", "slots": [["alice"]]}],
        }
    ],
    "exceptions": [
        {
            "kind": "replace",
            "user": "bob",
            "by": "dave",
            "start": "2026-05-01T10:00",
            "end": "2026-05-02T10:00",
        }
    ],
}

FAULTS = [
    ("time_zone", "Mars/Base", "time_zone: 'Mars/Base' is not a time zone"),
    ("time_zone", None, "time_zone: is missing"),
    ("time_zone", "../etc/passwd", "time_zone: '../etc/passwd' is not a time zone"),
    ("layers", "primary", "layers: must be a list"),
    ("layers.0", ["primary"], "layers[0]: must be an object"),
    ("layers.0.name", "", "layers[0].name: is missing"),
    ("layers.0.name", "a\nb", "layers[0].name: must be at most"),
    ("layers.0.priority", True, "layers[0].priority: must be a whole number"),
    ("layers.0.rotation", None, "layers[0].rotation: is missing"),
    ("layers.0.rotation.length", 0, "layers[0].rotation.length: must be at least 1"),
    ("layers.0.rotation.length", -3, "layers[0].rotation.length: must be at least 1"),
    ("layers.0.rotation.length", 10**9, "layers[0].rotation.length: must be at most 1000"),
    ("layers.0.rotation.length", 1.5, "layers[0].rotation.length: must be a whole number"),
    ("layers.0.rotation.unit", "fortnight", "layers[0].rotation.unit: must be one of hour, day, week, month"),
    ("layers.0.rotation.anchor", "9999-01-01T00:00", "layers[0].rotation.anchor: must lie in the years"),
    ("layers.0.rotation.anchor", "2026-03-02T09:00Z", "layers[0].rotation.anchor: is local time"),
    ("layers.0.rotation.anchor", "next Monday", "layers[0].rotation.anchor: must be a date and time"),
    ("layers.0.slots", None, "layers[0].slots: is missing"),
    ("layers.0.slots.0", "alice", "layers[0].slots[0]: must be a list of usernames"),
    ("layers.0.slots.0", [7], "layers[0].slots[0][0]: must be text"),
    ("layers.0.slots", [["alice"]] * 201, "layers[0].slots: has 201 entries; at most 200"),
    ("layers.0.start", "2026-03-32", "layers[0].start: must be a date and time"),
    ("layers.0.end", "2026-03-01T00:00", "layers[0].end: must be after the start"),
    ("layers.0.restrictions.0.type", "hourly", "layers[0].restrictions[0].type: must be one of daily"),
    ("layers.0.restrictions.0.days", ["XX"], "layers[0].restrictions[0].days[0]: must be one of MO, TU"),
    ("layers.0.restrictions.0.days", [], "layers[0].restrictions[0].days: must name a day"),
    ("layers.0.restrictions.0.from", 1320, "layers[0].restrictions[0].from: must be a time of day in quotes"),
    ("layers.0.restrictions.0.to", "25:00", "layers[0].restrictions[0].to: must be a time of day"),
    ("layers.0.exclude_dates", ["25.12."], "layers[0].exclude_dates[0]: must be a date"),
    ("layers.0.advance", "covered", "layers[0].advance: must be one of calendar, active"),
    ("layers.0.edits.0.at", "soon", "layers[0].edits[0].at: must be a date and time"),
    (
        "layers.0.edits",
        [{"at": "2026-06-10T12:00Z", "slots": []}, {"at": "2026-06-10T14:00+02:00", "slots": []}],
        "layers[0].edits[1].at: another edit has the same instant",
    ),
    ("layers.0.edits.0.at", "1970-01-01T00:00+12:00", "layers[0].edits[0].at: must lie in the years"),
    ("layers.0.rotatoin", {}, "layers[0].rotatoin: is not known here"),
    ("exceptions.0.kind", "swap", "exceptions[0].kind: must be one of remove, replace, set, add"),
    ("exceptions.0.by", "", "exceptions[0].by: is missing"),
    ("exceptions.0.users", ["eve"], "exceptions[0].users: does not belong to replace"),
    ("exceptions.0.end", "2026-05-01T10:00", "exceptions[0].end: must be after the start"),
    ("exceptions.0.end", "2026-04-01T10:00", "exceptions[0].end: must be after the start"),
    ("exceptions.0.end", "2036-05-01T10:00", "exceptions[0].end: is more than two years"),
    ("exceptions.0.start", "12026-05-01T10:00", "exceptions[0].start: must be a date and time"),
    ("exceptions.0.layer", "backup", "exceptions[0].layer: must be one of primary, not 'backup'"),
    ("overrides", [], "overrides: give either exceptions or overrides"),
]


def changed(place, value):
    """A copy of FORM with another value at ``place`` (names and indexes parted by dots)."""
    form = deepcopy(FORM)
    *path, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    target = form
    for step in path:
        target = target[step]
    target[last] = value
    return form


@pytest.mark.parametrize(("place", "value", "message"), FAULTS, ids=[f"{p}={v!r:.20}" for p, v, _ in FAULTS])
def test_a_fault_is_named_with_its_place_and_what_to_do(place, value, message):
    with pytest.raises(rotation.FormError) as fault:
        rotation.parse(changed(place, value))

    assert str(fault.value).startswith(message)


@pytest.mark.parametrize("form", [None, [], "primary", 7, {}])
def test_what_is_not_a_schedule_is_refused(form):
    with pytest.raises(rotation.FormError):
        rotation.parse(form)


def test_two_layers_of_one_name_are_refused():
    form = changed("layers", [FORM["layers"][0], FORM["layers"][0]])

    with pytest.raises(rotation.FormError, match=r"layers\[1\].name: there is another layer 'primary'"):
        rotation.parse(form)


def test_more_turns_than_people_could_take_are_refused():
    hourly = FORM["layers"][0] | {"rotation": {"unit": "hour", "length": 1, "anchor": "2026-03-02T09:00"}}
    form = changed("layers", [hourly | {"name": f"layer {n}"} for n in range(5)])

    with pytest.raises(rotation.FormError, match="layers: change hands some 44185 times a year"):
        rotation.parse(form)


def test_what_is_left_out_takes_its_default():
    rotation_form = {"unit": "day", "anchor": "2026-03-02T09:00"}
    form = {"time_zone": "UTC", "layers": [{"name": "a", "rotation": rotation_form, "slots": []}]}

    [layer] = rotation.parse(form).layers

    assert (layer.priority, layer.rotation.length, layer.advance) == (1, 1, "calendar")
    assert (layer.start, layer.end, layer.restrictions) == (layer.rotation.anchor, None, ())


def test_writing_a_form_back_keeps_every_field():
    schedule = rotation.parse(FORM)

    assert rotation.parse(rotation.dump(schedule)) == schedule
