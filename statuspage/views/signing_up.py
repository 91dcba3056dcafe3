"""Subscribing, one page for each way to be told: plain links between them, no script, no cookie.

The answer to a good address is always the same, whatever becomes of it.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from oncall import clock
from oncall.edges.network import client_address
from oncall.messaging.errors import DomainError
from statuspage import forms, subscriptions
from statuspage.models import Post, StatusPage, Subscriber
from statuspage.views.subscribers import notice, page_of

Channel = Subscriber.Channel
#: What is wrong with the form as a whole, not with one of its fields.
OF_THE_FORM = {"too_fast", "too_old", "over"}


@dataclass(frozen=True)
class Tab:
    """One way to be told. The ``hint`` and the ``button`` are those of its form, if it has one."""

    name: str
    label: str
    path: str
    head: str = ""
    hint: str = ""
    button: str = ""
    example: str = ""


TABS = (
    Tab("email", gettext_lazy("E-mail"), "/subscribe/"),
    Tab(
        "webhook",
        gettext_lazy("Webhook"),
        "/subscribe/webhook/",
        gettext_lazy("Address"),
        gettext_lazy("HTTPS only. We send a challenge to it first; answer with the same value."),
        gettext_lazy("Send the challenge"),
        "https://hooks.example.com/status",
    ),
    Tab(
        "slack",
        "Slack",
        "/subscribe/slack/",
        gettext_lazy("Incoming webhook of your channel"),
        gettext_lazy(
            "In Slack: Apps, Incoming Webhooks, Add to Slack, choose the channel, copy the address."
        ),
        gettext_lazy("Send a test message"),
        "https://hooks.slack.com/services/…",
    ),
    Tab(
        "teams",
        "Teams",
        "/subscribe/teams/",
        gettext_lazy("Webhook of a workflow"),
        gettext_lazy(
            "In Teams: Workflows, Post to a channel when a webhook request is received, copy the address."
        ),
        gettext_lazy("Send a test message"),
        "https://….logic.azure.com/workflows/…",
    ),
    Tab("feeds", gettext_lazy("Feeds"), "/subscribe/feeds/"),
    Tab("calendar", gettext_lazy("Calendar"), "/subscribe/calendar/"),
)
BY_NAME = {tab.name: tab for tab in TABS}


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def by_mail(request: HttpRequest) -> HttpResponse:
    """The form for an e-mail address."""
    return _form(request, Channel.EMAIL, "subscribe", "email")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def by_endpoint(request: HttpRequest, channel: str) -> HttpResponse:
    """The form for a webhook, or for a channel of Slack or Teams."""
    return _form(request, channel, "subscribe_endpoint", "endpoint")


def _form(request: HttpRequest, channel: str, template: str, field: str) -> HttpResponse:
    page, at = request.place.page, clock.now()
    if request.method != "POST":
        post = forms.followable(page, request.GET.get("incident", ""))
        choice = subscriptions.Choice(everything=post is None, posts=(post,) if post else ())
        return _page(template, channel, page, post, choice, made=forms.stamp(at))
    asked = forms.read(request, page, field)
    post = forms.followable(page, request.POST.get("incident", ""))
    if not asked.is_robot:
        try:
            forms.check_age(asked.made, at=at)
            if request.POST.get("about") == "post" and post is None:
                raise DomainError(
                    "over", gettext("What you wanted to follow is over. Choose what else to hear of.")
                )
            subscriptions.subscribe(
                asked.address,
                asked.choice,
                network=client_address(request),
                at=at,
                page=page,
                channel=channel,
                owner=asked.owner,
            )
        except DomainError as refusal:
            # The same stamp again: a form that came too fast is old enough when it comes once more.
            made = asked.made if refusal.code not in ("too_old", "over") else forms.stamp(at)
            typed = {"address": asked.address.strip()[:1000], "owner": asked.owner.strip()[:254]}
            return _page(
                template, channel, page, post, asked.choice, made=made, refusal=refusal, status=400, **typed
            )
    return _thanks(channel, page)


def _page(
    template: str,
    channel: str,
    page: StatusPage,
    post: Post | None,
    choice: subscriptions.Choice,
    *,
    refusal: DomainError | None = None,
    **context,
) -> HttpResponse:
    code = refusal.code if refusal else ""
    faults = {
        "error": refusal.detail if refusal and code not in {*OF_THE_FORM, "bad_owner"} else "",
        "owner_error": refusal.detail if code == "bad_owner" else "",
        "form_error": refusal.detail if code in OF_THE_FORM else "",
    }
    return page_of(
        template,
        page=page,
        here="subscribe",
        tabs=_tabs(post),
        tab=BY_NAME[channel],
        **faults,
        **forms.fields(page, choice, post),
        **context,
    )


def _tabs(post: Post | None) -> list[Tab]:
    """The tabs; between the forms one stays with the post that one came to follow."""
    if post is None:
        return list(TABS)
    kept = f"?incident={post.public_id}"
    return [replace(tab, path=tab.path + kept) if tab.name in Channel.values else tab for tab in TABS]


def _thanks(channel: str, page: StatusPage) -> HttpResponse:
    if channel == Channel.EMAIL:
        return notice(
            gettext("Look into your mail"),
            gettext(
                "If that address can be subscribed, a message is on its way to it. "
                "Press the button in it to confirm; nothing else comes before that."
            ),
            status=202,
            page=page,
        )
    if channel == Channel.WEBHOOK:
        return notice(
            gettext("A challenge is on its way"),
            gettext(
                "If that address can be subscribed, it gets a POST with a challenge. It confirms by answering "
                "with the same value, or you open the link in it within 48 hours; nothing else comes before that."
            ),
            status=202,
            page=page,
        )
    return notice(
        gettext("Look into your channel"),
        gettext(
            "If that address can be subscribed, a message appears in the channel. Open the link in it to confirm; "
            "nothing else comes before that."
        ),
        status=202,
        page=page,
    )


@require_safe
def reading(request: HttpRequest, what: str) -> HttpResponse:
    """What programs fetch by themselves: feeds, and the calendar of maintenance."""
    page = request.place.page
    calendar = urlsplit(page.url)._replace(scheme="webcal").geturl() + "/maintenance.ics"
    shown = {"tabs": _tabs(None), "tab": BY_NAME[what], "calendar": calendar}
    return page_of(f"subscribe_{what}", page=page, here="subscribe", **shown)


@require_safe
def webhook_format(request: HttpRequest) -> HttpResponse:
    """What a webhook is sent and how its signature is checked."""
    page = request.place.page
    return page_of("webhook_format", page=page, here="subscribe")
