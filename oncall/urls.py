"""The address behind every answer link; with and without the last slash, which some mail programs drop."""

from django.urls import re_path

from oncall import views

urlpatterns = [
    re_path(r"^a/(?P<token>[A-Za-z0-9_-]{1,100})/?$", views.answer, name="answer"),
]
