from oncall.models.directory import Runbook, Service, Team, User

__all__ = ["Runbook", "Service", "Team", "User"]
