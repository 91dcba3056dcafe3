"""What may become of an incident: the table of field/incidents.md section 4, as data.

Pure: no ORM, no clock. ``incidents.lifecycle`` has one function per verb of ``VERBS`` and obeys its row; forms,
the API and the admin ask here which verbs are legal and what each needs. ``ACTS`` are what people do to an
incident without moving it. States are the values of ``incidents.models.State``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

NEW = ""  # not there yet
OPEN = frozenset({"detected", "declared", "classified", "troubleshooting", "mitigated"})
OVER = frozenset({"resolved", "in_review", "following_up", "closed"})
ENDED = frozenset({"cancelled", "merged"})
ANY = OPEN | OVER | ENDED
REVIEWABLE_STATES = frozenset({"resolved", "in_review"})  # in which a post-mortem may be begun

# Rights, as codenames of permissions on the incident; any one of a verb's rights suffices.
RESPOND = ("respond_incident", "manage_incident")
MANAGE = ("manage_incident",)
COMMUNICATE = ("communicate_incident", "manage_incident")
REVIEW = ("review_incident", "manage_incident")
ANYBODY = ()


@dataclass(frozen=True)
class Field:
    """One thing that a verb is told. ``kind`` says how to ask for it.

    text, line, flag, instant, share (0 to 1), minutes, severity, service, services, user, team, role, incident,
    audience, or ``choice`` with the choices of the model's field of that name.
    """

    name: str
    label: str
    kind: str = "text"
    required: bool = True
    help: str = ""


@dataclass(frozen=True)
class Verb:
    """One row of the table.

    ``origins`` are the states it starts from, ``targets`` where it may lead (empty: the state stays), ``done_in``
    the states in which repeating it changes nothing, ``then`` the verb that follows by itself. Guards are named by
    the fault they find (``incidents.guards``): ``hard`` ones refuse, ``excusable`` ones refuse unless a reason is
    given, ``soft`` ones warn and are written down. ``sets`` are the milestones it sets. ``backdated``: it may have
    happened earlier than it is told.
    """

    number: str
    name: str
    label: str
    origins: frozenset[str]
    targets: tuple[str, ...] = ()
    rights: tuple[str, ...] = MANAGE
    fields: tuple[Field, ...] = ()
    hard: tuple[str, ...] = ()
    excusable: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    done_in: frozenset[str] = frozenset()
    then: str = ""
    reason: bool = False
    backdated: bool = False
    icon: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the fields that must be given."""
        return tuple(field.name for field in self.fields if field.required)


def _states(*names: str) -> frozenset[str]:
    return frozenset(names)


WHEN = Field("effective_at", "When", "instant", required=False, help="Empty: now.")
WHY = Field("reason", "Why")
WHY_IF = Field("reason", "Reason", required=False, help="Needed when a warning stands above.")
SEVERITY_IF = Field("severity", "Severity", "severity", required=False, help="Needed when none is set yet.")

VERBS: tuple[Verb, ...] = (
    Verb(
        "T1", "detect", "Report", _states(NEW), ("detected",), ANYBODY,
        fields=(
            Field("title", "What is wrong", "line"),
            Field("service", "Service", "service", required=False, help="Empty: not known yet."),
            Field("description", "What you see", required=False),
        ),
        hard=("title_missing",), sets=("detected_at",), icon="detect",
    ),
    Verb(
        "T2", "declare", "Declare", _states(NEW, "detected"), ("declared",), RESPOND,
        fields=(
            Field("title", "Title", "line", required=False),
            Field("services", "Impacted services", "services", required=False),
            Field("audience", "Who is affected", "choice", required=False),
            Field("impact_started_at", "Impact began", "instant", required=False, help="Empty: when detected."),
            Field("summary", "How things stand", required=False),
        ),
        hard=("service_missing", "times_out_of_order"),
        sets=("declared_at", "impact_started_at"), done_in=_states("declared"), icon="declare",
    ),
    Verb(
        "T3", "acknowledge", "Acknowledge", OPEN, (), RESPOND,
        sets=("acknowledged_at",), icon="acknowledge",
    ),
    Verb(
        "T4", "classify", "Classify", _states("declared"), ("classified", "troubleshooting"), MANAGE,
        fields=(
            Field("severity", "Severity", "severity"),
            Field("reason", "Reason", required=False, help="Needed when you differ from the suggestion's rule."),
        ),
        hard=("severity_missing",), excusable=("differs_from_rule",), sets=("classified_at", "troubleshooting_at"),
        done_in=_states("troubleshooting"), then="troubleshoot", icon="classify",
    ),
    Verb(
        "T5", "troubleshoot", "Start troubleshooting", _states("classified"), ("troubleshooting",), RESPOND,
        sets=("troubleshooting_at",), done_in=_states("troubleshooting"), icon="troubleshoot",
    ),
    Verb(
        "T6", "identify", "Cause identified", _states("troubleshooting", "mitigated"), (), RESPOND,
        fields=(Field("text", "The cause, as far as known", required=False), WHEN),
        soft=("cause_missing",), sets=("identified_at",), backdated=True, icon="identify",
    ),
    Verb(
        "T7", "mitigate", "Mitigate", OPEN - {"mitigated"}, ("mitigated",), RESPOND,
        fields=(
            Field("text", "What ended the harm"),
            SEVERITY_IF,
            Field("temporary", "It must be taken out again", "flag", required=False),
            WHEN,
        ),
        hard=("text_missing", "severity_missing", "times_out_of_order"),
        sets=("mitigated_at",), done_in=_states("mitigated"), backdated=True, icon="mitigate",
    ),
    Verb(
        "T8", "recur", "It is back", _states("mitigated"), ("troubleshooting",), RESPOND,
        fields=(WHY, WHEN), hard=("reason_missing", "times_out_of_order"), reason=True, backdated=True,
        done_in=_states("troubleshooting"), icon="recur",
    ),
    Verb(
        "T9", "resolve", "Resolve", OPEN, ("resolved",), MANAGE,
        fields=(Field("text", "What fixed the cause"), SEVERITY_IF, WHEN, WHY_IF),
        hard=("text_missing", "severity_missing", "times_out_of_order", "all_clear_missing"),
        excusable=("mitigation_active",), soft=("tasks_open", "update_unsent"),
        sets=("resolved_at", "mitigated_at"), done_in=_states("resolved"), backdated=True, icon="resolve",
    ),
    Verb(
        "T10", "start_review", "Start the review", _states("resolved"), ("in_review",), REVIEW,
        sets=("review_started_at",), done_in=_states("in_review"), icon="review",
    ),
    Verb(
        "T11", "skip_review", "Skip the review", _states("resolved"), ("following_up", "closed"), MANAGE,
        fields=(WHY,), hard=("reason_missing", "review_mandatory"), sets=("closed_at",), reason=True, icon="skip",
    ),
    Verb(
        "T12", "approve_review", "Approve the review", _states("in_review"), ("following_up",), REVIEW,
        fields=(
            Field("root_cause_type", "Root cause", "choice", required=False),
            Field("root_cause_service", "Service that caused it", "service", required=False),
            Field("detection_method", "Detected by", "choice", required=False),
        ),
        hard=("cause_unknown",), sets=("reviewed_at",), done_in=_states("following_up"), icon="approve",
    ),
    Verb(
        "T13", "close", "Close", _states("resolved", "following_up"), ("closed",), MANAGE,
        hard=("review_due", "actions_open"), sets=("closed_at",), done_in=_states("closed"), icon="close",
    ),
    Verb(
        "T14", "reopen", "Reopen", OVER, ("troubleshooting",), MANAGE,
        fields=(WHY,), hard=("reason_missing",), soft=("closed_long_ago",), reason=True,
        done_in=_states("troubleshooting"), icon="reopen",
    ),
    Verb(
        "T15", "cancel", "Cancel", OPEN - {"mitigated"}, ("cancelled",), MANAGE,
        fields=(WHY,), hard=("reason_missing",), sets=("ended_at",), reason=True, done_in=_states("cancelled"),
        icon="cancel",
    ),
    Verb(
        "T16", "merge", "Merge into another", OPEN, ("merged",), MANAGE,
        fields=(Field("into", "Into", "incident"),), hard=("cannot_merge_there",), sets=("ended_at",),
        done_in=_states("merged"), icon="merge",
    ),
    Verb(
        "T17", "unmerge", "Take apart again", _states("merged"), ("declared",), MANAGE,
        hard=("merged_long_ago",), done_in=_states("declared"), icon="unmerge",
    ),
    Verb(
        "T18", "restore", "Restore", _states("cancelled"), ("declared",), MANAGE,
        fields=(WHY,), hard=("reason_missing",), reason=True, done_in=_states("declared"), icon="restore",
    ),
    Verb(
        "T19", "reclassify", "Change severity", _states("classified", "troubleshooting", "mitigated"), (), MANAGE,
        fields=(
            Field("severity", "Severity", "severity"),
            Field("reason", "Reason", required=False, help="Needed to lower it."),
        ),
        hard=("severity_missing", "lowered_without_reason"), excusable=("differs_from_rule",), icon="classify",
    ),
    Verb("T20", "make_private", "Make private", ANY, (), MANAGE, icon="private"),
)  # fmt: skip

# What people do to an incident without moving it: same form, same check of rights, no row in the table.
ACTS: tuple[Verb, ...] = (
    Verb(
        "", "note", "Add a note", ANY - {"merged"}, rights=RESPOND,
        fields=(Field("text", "What did you see, decide or do?"), Field("kind", "Kind", "choice", required=False)),
        icon="note",
    ),
    Verb(
        "", "send_update", "Send update", OPEN | OVER, rights=COMMUNICATE,
        fields=(
            Field("audience", "To", "audience"),
            Field("text", "Update"),
            Field("next_update_in", "Next update in", "minutes", required=False),
        ),
        icon="update",
    ),
    Verb(
        "", "engage", "Page a team", OPEN, rights=RESPOND,
        fields=(
            Field("service", "Service", "service", required=False),
            Field("team", "Team", "team", required=False),
            Field("user", "Person", "user", required=False),
            Field("kind", "As", "choice", required=False),
        ),
        icon="page",
    ),
    Verb(
        "", "move_service", "Move to another service", OPEN, rights=RESPOND,
        fields=(
            Field("service", "From", "service"),
            Field("to", "To", "service", help="Its on-call is paged from the first step of its policy."),
        ),
        icon="swap",
    ),
    Verb(
        "", "assign_role", "Assign a role", ANY - ENDED, rights=MANAGE,
        fields=(
            Field("role", "Role", "role"),
            Field("user", "Person", "user"),
            Field("note", "What the next one must know", "line", required=False),
        ),
        icon="role",
    ),
    Verb(
        "", "all_clear", "All clear", OPEN, rights=RESPOND,
        fields=(Field("service", "Service", "service"),), icon="clear",
    ),
    Verb(
        "", "add_task", "Add a task", ANY - ENDED, rights=RESPOND,
        fields=(
            Field("title", "Task", "line"),
            Field("owner", "Who", "user", required=False),
            Field("due_at", "Due", "instant", required=False),
        ),
        icon="task",
    ),
    Verb("", "edit", "Edit", ANY, rights=RESPOND, icon="edit"),
)  # fmt: skip

_BY_NAME = {verb.name: verb for verb in (*VERBS, *ACTS)}

# The first one legal is the filled button; everything after the line "More" starts with is seldom wanted.
_ORDER = (
    "declare", "classify", "troubleshoot", "mitigate", "resolve", "start_review", "approve_review", "close",
    "acknowledge", "identify", "reclassify", "recur", "skip_review", "restore", "unmerge", "reopen",
    "merge", "make_private", "cancel",
)  # fmt: skip
SELDOM = frozenset({"merge", "make_private", "cancel", "unmerge", "reopen", "restore", "skip_review"})


def verb(name: str) -> Verb:
    """The row of that name. Raises KeyError for a name that no verb has."""
    return _BY_NAME[name]


def legal(state: str) -> tuple[Verb, ...]:
    """The verbs that may start from ``state``, in the order of the verb bar; the first usually comes next."""
    return tuple(row for row in map(verb, _ORDER) if state in row.origins)


def acts(state: str) -> tuple[Verb, ...]:
    """What may be done in ``state`` without leaving it."""
    return tuple(row for row in ACTS if state in row.origins)


def primary(state: str) -> Verb | None:
    """The one verb that moves an incident on from ``state``; None where nothing is left to do."""
    moving = [row for row in legal(state) if row.targets and row.name not in SELDOM]
    return next(iter(moving), None)


# -- the rail ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Stage:
    """One node of the rail: a stage of the process, and the milestone that is written under it."""

    number: int
    label: str
    milestone: str


STAGES = (
    Stage(1, "Detect", "detected_at"),
    Stage(2, "Create", "declared_at"),
    Stage(3, "Classify", "classified_at"),
    Stage(4, "Troubleshoot", "troubleshooting_at"),
    Stage(5, "Resolve", "resolved_at"),
    Stage(6, "Review", "review_started_at"),
    Stage(7, "Follow up", "reviewed_at"),
)
_STAGE_OF = {
    "detected": 1, "declared": 2, "classified": 3, "troubleshooting": 4, "mitigated": 5, "resolved": 5,
    "in_review": 6, "following_up": 7, "closed": 8,
}  # fmt: skip


def stage(state: str) -> int:
    """How far along the rail ``state`` is: 1 to 7, 8 when all is done, 0 for cancelled and merged."""
    return _STAGE_OF.get(state, 0)


def rail(state: str) -> Iterator[tuple[Stage, str]]:
    """Each stage with where it stands: ``done``, ``now`` or ``ahead``; all ahead when it ended another way."""
    reached = stage(state)
    for node in STAGES:
        yield node, "done" if node.number < reached else "now" if node.number == reached else "ahead"
