"""What the documentation shows can be done."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import get_commands

from config import provisioning
from oncall import schedules
from oncall.models import Schedule

ON_CALL = Path(__file__).parents[1] / "docs" / "on-call.md"
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_the_example_of_a_file_applies_and_says_what_it_says(tmp_path):
    file = tmp_path / "company.yaml"
    file.write_text(re.search(r"```yaml\n(.*?)```", ON_CALL.read_text("utf-8"), re.S)[1], encoding="utf-8")

    provisioning.apply(provisioning.read(file), by=None, at=AT)

    def on_call(when: str) -> list[str]:
        at = datetime.fromisoformat(when).replace(tzinfo=UTC)
        return [user.username for user in schedules.on_call(Schedule.objects.get(), at).users]

    assert provisioning.plan(provisioning.read(file), at=AT) == []
    instants = ["2026-03-03T12:00", "2026-03-11T08:00", "2026-03-20T23:00", "2026-12-25T12:00"]
    assert [on_call(each) for each in instants] == [["ann"], ["bo"], ["bo"], []]


def test_every_command_that_it_names_is_there():
    named = set(
        re.findall(r"`(?:manage\.py )?(export|apply|plan|import|check_ready)\b", ON_CALL.read_text("utf-8"))
    )

    assert named == {"export", "apply", "plan", "import", "check_ready"}
    assert named <= get_commands().keys()
