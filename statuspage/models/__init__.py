from statuspage.models.changes import ComponentChange
from statuspage.models.page import MAIN, Component, ComponentStatus, StatusPage, new_public_id, outdate
from statuspage.models.planning import MaintenanceRule, PlannedPost, Template
from statuspage.models.posts import ComponentImpact, Impact, Maintenance, Post, PostUpdate
from statuspage.models.snapshots import Snapshot
from statuspage.models.subscribers import SignUp, Subscriber

__all__ = [
    "MAIN",
    "Component",
    "ComponentChange",
    "ComponentImpact",
    "ComponentStatus",
    "Impact",
    "Maintenance",
    "MaintenanceRule",
    "PlannedPost",
    "Post",
    "PostUpdate",
    "SignUp",
    "Snapshot",
    "StatusPage",
    "Subscriber",
    "Template",
    "new_public_id",
    "outdate",
]
