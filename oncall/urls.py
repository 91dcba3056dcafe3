"""Addresses that open with a secret in them.

An answer link works with and without the last slash, which some mail programs drop.
"""

from django.urls import re_path

from oncall import views

urlpatterns = [
    re_path(r"^a/(?P<token>[A-Za-z0-9_-]{1,100})/?$", views.answer, name="answer"),
    re_path(r"^calendars/(?P<token>[A-Za-z0-9_-]{20,100})\.ics$", views.calendar, name="calendar"),
]
