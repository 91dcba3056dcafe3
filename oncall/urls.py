"""Addresses that open with a secret in them, and those that chat and push services call back.

An answer link works with and without the last slash, which some mail programs drop.
"""

from django.urls import re_path

from oncall import views
from oncall.webhooks import mattermost, ntfy, pushover, slack, telegram

urlpatterns = [
    re_path(r"^a/(?P<token>[A-Za-z0-9_-]{1,100})/?$", views.answer, name="answer"),
    re_path(r"^calendars/(?P<token>[A-Za-z0-9_-]{20,100})\.ics$", views.calendar, name="calendar"),
    re_path(r"^callbacks/slack/?$", slack.slack),
    re_path(r"^callbacks/mattermost/?$", mattermost.mattermost),
    re_path(r"^callbacks/telegram/?$", telegram.telegram),
    re_path(r"^callbacks/ntfy/?$", ntfy.ntfy),
    re_path(r"^callbacks/pushover/(?P<key>[0-9a-f-]{1,100})/?$", pushover.pushover),
]
