"""Days kept in one place, on which the layers they are attached to do not cover."""

import pytest
from django.urls import reverse

from oncall import holidays, schedules
from oncall.messaging.errors import DomainError
from oncall.models import HolidayCalendar
from tests.oncall.test_swaps import NOW, day, on_call, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendar(primary):
    layers = primary.layers.all()
    days = {"2026-03-11": "Founders’ Day"}
    return holidays.write(HolidayCalendar(name="House"), days=days, layers=layers, by=None, at=NOW)


def test_a_layer_does_not_cover_on_its_holidays(primary, calendar):
    assert on_call(primary, day(10, 23)) == ["bob"]
    assert on_call(primary, day(11, 12)) == []
    assert on_call(primary, day(12, 1)) == ["alice"]


def test_nothing_is_copied_into_the_layer(primary, calendar):
    form = schedules.to_form(primary)

    assert form["layers"][0]["exclude_dates"] == []
    assert not schedules.replace(primary, form, by=None, at=NOW)
    assert schedules.preview(primary, form, NOW, day(20)).changes == []


@pytest.mark.parametrize("change", ["days", "layers", "delete"])
def test_stored_answers_expire(primary, calendar, change):
    schedules.on_call_now([primary], day(11, 12))

    if change == "delete":
        holidays.delete(calendar, by=None, at=NOW)
    else:
        layers = primary.layers.all() if change == "days" else []
        days = {} if change == "days" else calendar.days
        holidays.write(calendar, days=days, layers=layers, by=None, at=NOW)

    primary.refresh_from_db()
    [duty] = schedules.on_call_now([primary], day(11, 12)).values()
    assert [user.username for user in duty.users] == ["alice"]


def test_days_are_read_from_lines_and_written_back():
    days = holidays.parse("2026-12-26\n\n2026-12-25  Christmas Day\n")

    assert days == {"2026-12-25": "Christmas Day", "2026-12-26": ""}
    assert holidays.parse(holidays.spell(days)) == days


@pytest.mark.parametrize("line", ["25.12.2026 Christmas", "2026-02-30", "9999-12-31 late"])
def test_what_is_no_date_is_named_with_its_line(line):
    with pytest.raises(DomainError, match="Line 2: "):
        holidays.parse(f"2026-12-24 Eve\n{line}")


def test_the_portal_keeps_them(client, primary):
    client.force_login(person("root", is_staff=True, is_superuser=True))
    form = {"name": "House", "days": "2026-03-11 Founders’ Day", "layers": [primary.layers.get().pk]}

    wrong = client.post(reverse("admin:oncall_holidaycalendar_add"), {**form, "days": "soon"})
    client.post(reverse("admin:oncall_holidaycalendar_add"), form)

    assert "Line 1: &#x27;soon&#x27; is not a date" in wrong.content.decode()
    made = HolidayCalendar.objects.get()
    assert on_call(primary, day(11, 12)) == []
    page = client.get(reverse("admin:oncall_holidaycalendar_change", args=[made.pk])).content.decode()
    assert "2026-03-11 Founders’ Day" in page
    assert "Primary: days" in page
    client.post(reverse("admin:oncall_holidaycalendar_delete", args=[made.pk]), {"post": "yes"})
    assert on_call(primary, day(11, 12)) == ["alice"]
