"""Requests that run an earlier job's script again, as it was or with other values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.service import Invalid, Job, RunRequest, Script


def request_again(job: Job, spec: Mapping[str, Any], secrets: Mapping[str, str], identity: str | None) -> RunRequest:
    """The request that runs a job's script again as it was run."""
    return RunRequest(
        path=spec["script"]["path"],
        parameters=dict(spec["parameters"]) | dict(secrets),
        environment=spec["environment"],
        variables=spec["variables"],
        timeout=spec["timeout"],
        working_directory=spec["cwd"],
        standard_input="terminal" if spec["stdin"] == "pipe" else spec["stdin"],
        identity=identity,
        tags=job.tags,
        notes=job.notes,
        source=spec["source"],
    )


def request_anew(
    request: RunRequest, script: Script | Mapping[str, Any], spec: Mapping[str, Any], secrets: Mapping[str, str]
) -> RunRequest:
    """A request that runs an earlier job's script with other values: secrets that it does not give are the job's.

    Raises Invalid when it names another script: a secret goes to no script that it was not given to.
    """
    path = script.path if isinstance(script, Script) else script["path"]
    named = path if request.path is None else os.path.join(request.current_directory or os.getcwd(), request.path)
    if os.path.abspath(named) != spec["script"]["path"] or path != spec["script"]["path"]:
        raise Invalid(f"Job {spec['id']} ran {spec['script']['path']}: a rerun of it runs no other script.")
    given = {name for name, value in request.parameters.items() if value is not None}
    kept = {name: value for name, value in secrets.items() if name not in given}
    before = {name: value for name, value in spec["variables"].items() if name not in spec["parameters"]}
    return replace(
        request,
        path=spec["script"]["path"],
        script=None,
        parameters={**request.parameters, **kept},
        variables=before if request.variables is None else request.variables,
    )
