from oncall.models.absences import Absence
from oncall.models.calendars import CalendarFeed, CalendarImport
from oncall.models.callbacks import Callback
from oncall.models.contacts import ContactCheck, ContactMethod, NotificationRule, Urgency
from oncall.models.directory import Runbook, Service, Team, User
from oncall.models.duty_log import DutyLog, DutyLogPerson
from oncall.models.handover import HandOverNote
from oncall.models.holidays import HolidayCalendar
from oncall.models.inbox import Reading
from oncall.models.maintenance import ServiceMaintenance
from oncall.models.notices import NoticePreference, ShiftWatch
from oncall.models.paging import AnswerToken, Notified, Page, PageEvent
from oncall.models.phone import AnswerCode
from oncall.models.policies import EscalationPolicy, Step, StepTarget
from oncall.models.schedules import Layer, LayerEdit, OnDuty, Schedule, ScheduleException, Slot
from oncall.models.settings import PortalSettings
from oncall.models.swaps import Swap
from oncall.models.tokens import ApiToken, RememberedAnswer

__all__ = [
    "Absence",
    "AnswerCode",
    "AnswerToken",
    "ApiToken",
    "Callback",
    "CalendarFeed",
    "CalendarImport",
    "ContactCheck",
    "ContactMethod",
    "DutyLog",
    "DutyLogPerson",
    "EscalationPolicy",
    "HandOverNote",
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
    "Reading",
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
