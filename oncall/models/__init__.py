from oncall.models.absences import Absence
from oncall.models.calendars import CalendarFeed, CalendarImport
from oncall.models.contacts import ContactMethod, NotificationRule, Urgency
from oncall.models.directory import Runbook, Service, Team, User
from oncall.models.holidays import HolidayCalendar
from oncall.models.maintenance import ServiceMaintenance
from oncall.models.notices import NoticePreference, ShiftWatch
from oncall.models.paging import AnswerToken, Notified, Page, PageEvent
from oncall.models.policies import EscalationPolicy, Step, StepTarget
from oncall.models.schedules import Layer, LayerEdit, OnDuty, Schedule, ScheduleException, Slot
from oncall.models.settings import PortalSettings
from oncall.models.swaps import Swap
from oncall.models.tokens import ApiToken, RememberedAnswer

__all__ = [
    "Absence",
    "AnswerToken",
    "ApiToken",
    "CalendarFeed",
    "CalendarImport",
    "ContactMethod",
    "EscalationPolicy",
    "HolidayCalendar",
    "Layer",
    "LayerEdit",
    "NoticePreference",
    "NotificationRule",
    "Notified",
    "OnDuty",
    "Page",
    "PageEvent",
    "PortalSettings",
    "RememberedAnswer",
    "Runbook",
    "Schedule",
    "ScheduleException",
    "Service",
    "ServiceMaintenance",
    "ShiftWatch",
    "Slot",
    "Step",
    "StepTarget",
    "Swap",
    "Team",
    "Urgency",
    "User",
]
