"""Every worked case of ``tests/cases/oncall.json`` through a provisioning file."""

import pytest
import yaml
from django.core.management import call_command

from oncall import rotation, schedules
from oncall.models import Schedule
from tests.oncall.test_rotation_cases import CASES, answer


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_an_applied_schedule_answers_as_derived_by_hand_and_applies_once(case, tmp_path):
    people = rotation.people_named(rotation.parse(case["schedule"]))
    users = [{"username": name, "name": name, "email": f"{name}@example.com"} for name in people]
    file = tmp_path / "set-up.yaml"
    file.write_text(yaml.safe_dump({"users": users, "schedules": [{"slug": "s", **case["schedule"]}]}))
    call_command("apply", str(file))
    schedule = Schedule.objects.get()

    call_command("apply", str(file))

    assert answer(schedules.load(schedule), case["query"]) == case["expected"]
    assert Schedule.objects.get().version == schedule.version
