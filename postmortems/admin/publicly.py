"""Publishing a post-mortem on the status page: choose its parts, read and change them, preview, publish."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from oncall.edges.admin import Button
from oncall.messaging.errors import DomainError
from oncall.models import User
from postmortems import telling
from postmortems.models import PostMortem
from statuspage import planning, rights
from statuspage.admin import composing
from statuspage.admin.composer import Composer
from statuspage.admin.told import update_work
from statuspage.models import Post

LABEL = "Tell the public"


def button(postmortem: PostMortem, user: User, url: str) -> Button | None:
    """The way there, for those who may speak to the public, once there is something to say it with."""
    if not user.has_perm(rights.UPDATE):
        return None
    try:
        telling.post_of(postmortem)
    except DomainError:
        return None
    return Button(name="tell", label=LABEL, icon="megaphone", tone="", url=url, needs_form=True, expected="")


def view(composer: Composer, request: HttpRequest, postmortem: PostMortem, *, back: str) -> HttpResponse:
    """First the choice, with nothing ticked; ``?write=1&part=…`` opens the composer with what was chosen."""
    try:
        post = telling.post_of(postmortem)
    except DomainError as refusal:
        messages.error(request, refusal.detail)
        return HttpResponseRedirect(back)
    title = f"Publish the post-mortem: {post.name}"
    if "write" not in request.GET:
        context = {
            **composer.admin_site.each_context(request),
            "title": title,
            "opts": composer.opts,
            "original": postmortem,
            "incident": postmortem.incident,
            "choices": telling.choices(postmortem),
            "back": back,
        }
        return TemplateResponse(request, "admin/postmortems/postmortem/public.html", context)
    said = dict(post.impacts.filter(end__isnull=True).values_list("component_id", "status"))
    form = composing.UpdateForm(
        request.POST or None,
        post=post,
        now=said,
        initial={
            "status": Post.Status.POSTMORTEM,
            "seen": planning.newest(post),
            "body": telling.text(postmortem, request.GET.getlist("part")),
            "notify": True,
        },
    )
    work = update_work(request.user, post, form)
    return composer.compose(request, form, title, work, back=back)
