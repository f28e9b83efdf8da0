"""Every key of the terminal application, in one table: bindings, footer, help screen, palette and docs come from it.

A key has an id (`jobs.cancel`) by which the user gives it others: `[keys]` in the config file, `"jobs.cancel" =
"ctrl+x"`; several keys are separated by commas, "" takes the key away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.key_names import shown

if TYPE_CHECKING:
    from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that a key does. `action` is the action's name in the screen or widget of its group."""

    id: str
    #: names of keys as Textual knows them, separated by commas; the first is the one that is shown
    keys: str
    action: str
    #: for the footer: one or two words
    label: str
    #: for the help screen: what it does, as a phrase
    help: str
    #: place in the footer, 1 first; 0 = not there
    footer: int = 0
    #: works whatever has the focus
    priority: bool = False

    @property
    def group(self) -> str:
        """The group it belongs to: what stands before the dot."""
        return self.id.partition(".")[0]


#: what stands above each group on the help screen
TITLES: dict[str, str] = {
    "app": "Everywhere",
    "list": "Lists",
    "jobs": "Jobs",
    "filter": "Filter",
    "job": "Job",
    "output": "Output",
    "objects": "Pipeline",
    "errors": "Errors",
    "details": "Details",
    "scripts": "Scripts",
    "source": "Source",
    "run": "Run",
    "form": "Forms",
    "feedback": "Feedback",
    "settings": "Settings",
    "views": "Views",
    "quit": "Quit",
    "confirm": "Questions",
    "help": "Help",
}

KEYS: tuple[Key, ...] = (
    Key("app.help", "question_mark,f1", "help", "Help", "the keys that work here", 90),
    Key("app.palette", "ctrl+p,colon", "command_palette", "Palette", "do anything by its name, find jobs and scripts"),
    Key("app.back", "escape", "back", "Back", "leave this screen; nothing is lost", 80),
    Key("app.quit", "ctrl+q", "quit", "Quit", "leave the application from anywhere; jobs go on", priority=True),
    Key("app.suspend", "ctrl+z", "suspend_process", "Suspend", "back to the shell; `fg` comes back", priority=True),
    Key("list.up", "up,k", "up", "Up", "one up"),
    Key("list.down", "down,j", "down", "Down", "one down"),
    Key("list.page_up", "pageup", "page_up", "Page up", "a page up"),
    Key("list.page_down", "pagedown", "page_down", "Page down", "a page down"),
    Key("list.half_up", "ctrl+u", "half_up", "Half up", "half a page up"),
    Key("list.half_down", "ctrl+d", "half_down", "Half down", "half a page down"),
    Key("list.first", "home,g", "first", "First", "to the first"),
    Key("list.last", "end,G", "last", "Last", "to the last"),
    Key("list.open", "enter", "open", "Open", "open what is under the cursor", 1),
    Key("jobs.filter", "slash", "filter", "Filter", "choose which jobs are shown", 3),
    Key("jobs.run", "n", "run", "Run", "run a script", 2),
    Key("jobs.cancel", "x", "cancel", "Cancel", "end the marked jobs, or the one under the cursor", 4),
    Key("jobs.rerun", "R", "rerun", "Rerun", "run them again with the same parameters", 5),
    Key("jobs.answer", "a", "answer", "Answer", "answer the job that waits, the one under the cursor first", 6),
    Key("jobs.mark", "space", "mark", "Mark", "mark the job, or take the mark away", 7),
    Key("jobs.mark_all", "asterisk", "mark_all", "Mark all", "mark every job of the filter, or none"),
    Key("jobs.delete", "X", "delete", "Delete", "remove finished jobs with all their records"),
    Key("jobs.expand", "right,l", "expand", "Expand", "show the jobs that this one started"),
    Key("jobs.collapse", "left,h", "collapse", "Collapse", "hide them; from a child: go to its parent"),
    Key("jobs.views", "v", "views", "Views", "saved filters", 8),
    Key("jobs.children", "c", "children", "Children", "child jobs: below their parents, or in the list as others"),
    Key("jobs.order", "o", "order", "Order", "the newest first, the longest, those that ended or started last"),
    Key("jobs.turn", "O", "turn", "Turn round", "the same order the other way round"),
    Key("jobs.scheduled", "S", "scheduled", "Scheduled", "show or hide the jobs that a schedule started"),
    Key("jobs.copy", "y", "copy", "Copy", "copy the job's number"),
    Key("jobs.refresh", "ctrl+r", "refresh", "Refresh", "read everything again; connect again where it is lost"),
    Key("jobs.scripts", "s", "scripts", "Scripts", "the scripts that jobdeck knows", 9),
    Key("jobs.settings", "comma", "settings", "Settings", "environments, limits, themes"),
    Key("jobs.quit", "q", "quit", "Quit", "leave; jobs go on", 99),
    Key("filter.accept", "enter", "accept", "Show", "keep this filter and go to the list", 1),
    Key("filter.complete", "tab", "complete", "Complete", "take the completion; again: the next one", 2),
    Key("filter.leave", "escape", "leave", "Leave", "take back what was typed", 3),
    Key("scripts.run", "n", "run", "Run a file", "run any file: type its path", 2),
    Key("scripts.add", "a,plus", "add", "Add", "put a file on record", 3),
    Key("scripts.change", "e", "change", "Change", "change the script's settings", 4),
    Key("scripts.source", "o", "source", "Source", "look at the script's source", 5),
    Key("scripts.jobs", "J", "jobs", "Jobs", "the jobs of this script", 6),
    Key("scripts.remove", "X", "remove", "Remove", "forget the script; its jobs stay", 7),
    Key("scripts.filter", "slash", "filter", "Filter", "choose which scripts are shown", 8),
    Key("scripts.refresh", "ctrl+r", "refresh", "Refresh", "read everything again"),
    Key("source.left", "left,h", "left", "Left", "half a screen to the left"),
    Key("source.right", "right,l", "right", "Right", "half a screen to the right"),
    Key("source.line_start", "0", "line_start", "Line start", "back to the first column"),
    Key("source.page_down", "space", "page_down", "Page down", "a page down"),
    Key("form.send", "ctrl+j,ctrl+enter,f5", "send", "Send", "send the form: run, save", 1, True),
    Key("form.next", "down", "next", "Next", "to the next field; tab does so too"),
    Key("form.previous", "up", "previous", "Previous", "to the field before"),
    Key("form.page_down", "pagedown", "page_down", "Page down", "a page down"),
    Key("form.page_up", "pageup", "page_up", "Page up", "a page up"),
    Key("feedback.send", "ctrl+j,ctrl+enter,f5", "send", "Answer", "give the answer; enter does so too", 1, True),
    Key("feedback.cancel", "ctrl+x", "cancel", "Cancel job", "end the job that asks", 2, True),
    Key("feedback.back", "escape", "back", "Later", "leave the question open; what was typed is kept", 3),
    Key("settings.add", "a,plus", "add", "Add", "add an environment, grant a token", 2),
    Key("settings.change", "enter,e", "change", "Change", "change what is under the cursor", 1),
    Key("settings.remove", "X", "remove", "Remove", "remove the environment, revoke the token", 3),
    Key("settings.default", "d,delete", "default", "Default", "put the default back", 4),
    Key("settings.groom", "r", "groom", "Groom", "which jobs were kept long enough; remove them, once confirmed", 5),
    Key("settings.next", "right_square_bracket", "next_tab", "Next tab", "to the next page of settings", 6),
    Key("settings.previous", "left_square_bracket", "previous_tab", "Previous tab", "to the page before"),
    Key("job.answer", "a", "answer", "Answer", "answer what the job asks", 1),
    Key("job.cancel", "x", "cancel", "Cancel", "end the job", 5),
    Key("job.rerun", "R", "rerun", "Rerun", "the form of the script, filled with what this job was given", 8),
    Key("job.delete", "X", "delete", "Delete", "remove the finished job with all its records"),
    Key("job.next_tab", "right_square_bracket", "next_tab", "Next tab", "to the next tab", 13),
    Key("job.previous_tab", "left_square_bracket", "previous_tab", "Previous tab", "to the tab before"),
    Key("job.output", "1", "show_tab('output')", "Output", "to the output"),
    Key("job.pipeline", "2", "show_tab('pipeline')", "Pipeline", "to the objects"),
    Key("job.errors", "3", "show_tab('errors')", "Errors", "to the errors"),
    Key("job.details", "4", "show_tab('details')", "Details", "to parameters, environment, script and receipt"),
    Key("output.search", "slash", "search", "Search", "find text; ctrl+r: regular expression, ctrl+t: case counts", 2),
    Key("output.next_hit", "n", "next_hit", "Next", "the next place that was found", 3),
    Key("output.previous_hit", "N", "previous_hit", "Previous", "the place before"),
    Key("output.follow", "f", "follow", "Follow", "go along with the end; scrolling up stops it", 4),
    Key("output.wrap", "w", "wrap", "Wrap", "long lines in several rows, or cut", 6),
    Key("output.streams", "s", "streams", "Streams", "choose by their letters which streams are shown", 7),
    Key("output.stamps", "t", "stamps", "Times", "times: of the day, since the start, none", 9),
    Key("output.go_to", "ctrl+g,number_sign", "go_to", "Go to", "to a line, a share (50%) or a time", 10),
    Key("output.select", "v", "select", "Select", "select lines with the arrows; y copies them"),
    Key("output.copy", "y", "copy", "Copy", "copy what is selected, or the line found, or the first one"),
    Key("output.save", "S", "save", "Save", "save the output to a file, as the job wrote it"),
    Key("output.pager", "o", "pager", "Pager", "read the output in $PAGER"),
    Key("output.left", "left,h", "left", "Left", "half a screen to the left"),
    Key("output.right", "right,l", "right", "Right", "half a screen to the right"),
    Key("output.line_start", "0", "line_start", "Line start", "back to the first column"),
    Key("output.line_end", "dollar_sign", "line_end", "Line end", "to the end of the longest line here"),
    Key("output.page_down", "space", "page_down", "Page down", "a page down"),
    Key("output.leave", "escape", "leave", "Back", "give up the search or selection; else leave the job"),
    Key("objects.filter", "slash", "filter", "Filter", "only objects that hold a text", 2),
    Key("objects.table", "t", "table", "Table", "a table of alike objects, or the tree", 3),
    Key("objects.copy", "y", "copy", "Copy", "copy the value", 4),
    Key("objects.copy_path", "Y", "copy_path", "Copy path", "copy where the value is"),
    Key("objects.save", "s", "save", "Save", "save the object to a file: .json, .xml (CliXml) or .csv", 5),
    Key("objects.save_all", "S", "save_all", "Save all", "save all objects to a file"),
    Key("objects.leave", "escape", "leave", "Back", "take the filter away; else leave the job"),
    Key("objects.expand", "right,l,plus", "expand", "Open", "open it; in a table: to the right"),
    Key("objects.collapse", "left,h,minus", "collapse", "Close", "close it, or go to what it is in"),
    Key("errors.show", "o", "show", "In output", "go to its place in the output", 2),
    Key("errors.copy", "y", "copy", "Copy", "copy the error with all it tells", 3),
    Key("details.copy", "y", "copy", "Copy", "copy the value", 2),
    Key("views.save", "s", "save", "Save this filter", "give the filter in force a name", 2),
    Key("views.remove", "X", "remove", "Remove", "forget a view of your own", 3),
    Key("views.close", "escape,v", "close", "Close", "keep the filter that holds", 4),
    Key("quit.leave", "q", "leave", "Quit", "quit; jobs go on"),
    Key("quit.keep", "e", "keep", "Keep an engine", "quit, and leave an engine in the background"),
    Key("quit.stay", "escape,n", "stay", "Stay", "do not quit"),
    Key("confirm.yes", "y", "yes", "Yes", "do it"),
    Key("confirm.no", "n,escape", "no", "No", "do nothing"),
    Key("help.close", "escape,q,question_mark,f1", "close", "Close", "back to where you were", 1),
    Key("help.up", "up,k", "up", "Up", "scroll up"),
    Key("help.down", "down,j", "down", "Down", "scroll down"),
)

BY_ID: dict[str, Key] = {key.id: key for key in KEYS}


def first(id: str, active: Iterable[str]) -> str:
    """Of the keys that do a thing now, the one to show: the first in the table, else the first of the user's own."""
    here = list(active)
    return next((key for key in BY_ID[id].keys.split(",") if key in here), here[0])


def bindings(group: str, only: Iterable[str] | None = None) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The bindings of a group, for a screen's or widget's BINDINGS; `only` names some of them (without the group)."""
    from textual.binding import Binding

    wanted = None if only is None else {f"{group}.{name}" for name in only}
    found = [key for key in KEYS if key.group == group and (wanted is None or key.id in wanted)]
    assert found and (wanted is None or len(found) == len(wanted)), f"no such keys: {group} {only}"
    return [
        Binding(key.keys, key.action, key.label, show=key.footer > 0, id=key.id, priority=key.priority) for key in found
    ]


def markdown() -> str:
    """The table of keys for the documentation."""
    parts = ["# Keys of the terminal application\n", _DOCUMENTED]
    for group, title in TITLES.items():
        rows = [key for key in KEYS if key.group == group]
        if rows:
            parts.append(f"\n## {title}\n\n| key | what it does | name |\n|--|--|--|\n")
            parts += [f"| {_written(key.keys)} | {key.help} | `{key.id}` |\n" for key in rows]
    return "".join(parts)


def _written(keys: str) -> str:
    return " ".join(f"`{shown(key)}`" for key in keys.split(",")).replace("|", "\\|")


_DOCUMENTED = """
Made from `tui/keys.py`. Give any of them other keys in `config.toml`, by its name:

```toml
[keys]
"jobs.cancel" = "ctrl+x"
"jobs.mark" = "space,m"
"jobs.settings" = ""
```

A key is written as it stands in these tables; several have commas between; `""` takes the key away.
What has a key in `[keys]` has it alone: where another verb of the same screen had it, that one loses it.
Of two in `[keys]` the first has it.
What cannot be is told at the start and under Settings, Keys, with its line; the rest counts.
`esc`, `enter`, `tab` and `ctrl+q` stay with what they do here, so that there is always a way out.
"""


if __name__ == "__main__":
    print(markdown(), end="")
