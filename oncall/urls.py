"""Addresses that open with a secret in them, and those that services of chat, push and telephony call back.

An answer link works with and without the last slash, which some mail programs drop.
"""

from django.urls import re_path

from oncall import views
from oncall.webhooks import gateway, mattermost, ntfy, pushover, slack, telegram, twilio

REF = r"(?P<ref>[A-Za-z0-9_]{8,64})"

urlpatterns = [
    re_path(r"^a/(?P<token>[A-Za-z0-9_-]{1,100})/?$", views.answer, name="answer"),
    re_path(r"^calendars/(?P<token>[A-Za-z0-9_-]{20,100})\.ics$", views.calendar, name="calendar"),
    re_path(r"^callbacks/slack/?$", slack.slack),
    re_path(r"^callbacks/mattermost/?$", mattermost.mattermost),
    re_path(r"^callbacks/telegram/?$", telegram.telegram),
    re_path(r"^callbacks/ntfy/?$", ntfy.ntfy),
    re_path(r"^callbacks/pushover/(?P<key>[0-9a-f-]{1,100})/?$", pushover.pushover),
    re_path(r"^callbacks/twilio/sms/?$", twilio.reply, name="twilio-sms"),
    re_path(rf"^callbacks/twilio/voice/{REF}/keys/?$", twilio.keys),
    re_path(rf"^callbacks/twilio/(?P<medium>sms|voice)/{REF}/?$", twilio.status),
    re_path(r"^callbacks/gateway/sms/reply/?$", gateway.reply),
    re_path(rf"^callbacks/gateway/(?P<medium>sms|voice)/{REF}/?$", gateway.status),
]
