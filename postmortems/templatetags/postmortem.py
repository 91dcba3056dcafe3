"""What the pages of a post-mortem need."""

from django import template

from oncall.messaging import render

register = template.Library()
register.filter("markdown", render.markdown)
