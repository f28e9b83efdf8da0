"""The data of the service: what jobs, scripts, environments, records and the rest are made of.

Each class is made when it is first asked for: making all of them takes longer than a look at the jobs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.model.jobs import FINISHED, ORDERS, UNFINISHED, Job, JobPage, JobQuery, Status, Term
    from core.model.records import (
        Choice,
        ErrorRecord,
        Feedback,
        FeedbackField,
        Hit,
        Line,
        LinePage,
        PipelineObject,
        Record,
    )
    from core.model.requests import Event, Groomed, RunRequest, ServiceStatus, Setting, Usage
    from core.model.scripts import ERROR_ACTIONS, Environment, Parameter, Script, ScriptStatistics
    from core.model.values import Clixml, Value

__all__ = [
    "ERROR_ACTIONS",
    "FINISHED",
    "ORDERS",
    "UNFINISHED",
    "Choice",
    "Clixml",
    "Environment",
    "ErrorRecord",
    "Event",
    "Feedback",
    "FeedbackField",
    "Groomed",
    "Hit",
    "Job",
    "JobPage",
    "JobQuery",
    "Line",
    "LinePage",
    "Parameter",
    "PipelineObject",
    "Record",
    "RunRequest",
    "Script",
    "ScriptStatistics",
    "ServiceStatus",
    "Setting",
    "Status",
    "Term",
    "Usage",
    "Value",
]

_PLACES = {
    "jobs": ("FINISHED", "ORDERS", "Job", "JobPage", "JobQuery", "Status", "Term", "UNFINISHED"),
    "records": (
        "Choice",
        "ErrorRecord",
        "Feedback",
        "FeedbackField",
        "Hit",
        "Line",
        "LinePage",
        "PipelineObject",
        "Record",
    ),
    "requests": ("Event", "Groomed", "RunRequest", "ServiceStatus", "Setting", "Usage"),
    "scripts": ("ERROR_ACTIONS", "Environment", "Parameter", "Script", "ScriptStatistics"),
    "values": ("Clixml", "Value"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"core.model.{module}"), name)
    return value
