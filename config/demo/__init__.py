"""Northwind Pay, an invented firm, so that a newcomer sees within a minute what the portal is for."""

from pathlib import Path

COMPANY = Path(__file__).with_name("company.yaml")
