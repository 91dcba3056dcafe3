"""The staff console of this floor, one module for each thing that people open."""

from incidents.admin import incident

__all__ = ["incident"]
