"""All targets. Each file adds its own to the table when it is imported."""

from fuzz import (
    audit_targets,
    forms_targets,
    host_targets,
    hostile_targets,
    lms_targets,
    state_targets,
    wire_targets,
)
from fuzz.target import TARGETS

__all__ = [
    "TARGETS",
    "audit_targets",
    "forms_targets",
    "host_targets",
    "hostile_targets",
    "lms_targets",
    "state_targets",
    "wire_targets",
]
