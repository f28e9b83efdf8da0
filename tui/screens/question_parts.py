"""Parts of a job's question as the screen shows them, and what is chosen as the answer that means it."""

from __future__ import annotations

from textual.content import Content

from core.service import Feedback, FeedbackField, Job, Parameter, Value
from tui.widgets import plain


def choice_line(label: str, hotkey: str, help: str) -> Content:
    """A choice in the list: its key, what it is, what it means."""
    key = Content.assemble(("[", "dim"), (plain.line(hotkey).plain, "bold"), ("] ", "dim")) if hotkey else ""
    about = Content.assemble("  ", (plain.line(help).plain, "dim")) if help else ""
    return Content.assemble(key or "    ", plain.line(label), about)


def preselected(question: Feedback) -> int:
    """The place of the choice that is taken where nobody chooses."""
    labels = [choice.label for choice in question.choices]
    if question.default in labels:
        return labels.index(question.default)
    given = (question.default or "").strip()
    return int(given) if given.isdecimal() and len(given) < 6 and int(given) < len(labels) else 0


def several(question: Feedback, marked: list[int]) -> str:
    """The answer that means just these choices: their labels, or their numbers where labels could mean others."""
    names = [each.casefold() for choice in question.choices for each in (choice.label, choice.hotkey) if each]
    labels = [question.choices[at].label for at in marked]
    plain_labels = all(
        "," not in each and each == each.strip() and names.count(each.casefold()) == 1 for each in labels
    )
    # A comma alone says "none"; an empty text would be the default.
    return ",".join(labels if plain_labels else map(str, marked)) or ","


def hint(question: Feedback) -> str:
    """How the question is answered, where that is not plain to see."""
    if question.fields:
        return ""
    if question.choices and question.multiple:
        return "Space marks; ctrl+j or the button answers."
    if question.choices:
        return "Enter takes a choice" + ("; so does its letter." if any(c.hotkey for c in question.choices) else ".")
    return ""


def why_closed(job: Job, question: Feedback | None) -> str:
    """Why the question that was shown is no more."""
    if job.status.finished:
        return f"Job {job.id} has ended ({job.status.name}): its question is closed."
    if question is not None and question.answered_by:
        return f"Job {job.id}: {question.answered_by} has answered already."
    return f"Job {job.id}: the question is closed."


def as_parameter(field: FeedbackField) -> Parameter:
    """A question's field as a parameter of a form."""
    default: Value = field.default
    if field.type in ("boolean", "switch") and default is not None:
        default = default.strip().casefold() in ("true", "yes", "on", "1", "y", "$true")
    return Parameter(field.name, field.type, field.mandatory, default, help=field.help, display_name=field.label)
