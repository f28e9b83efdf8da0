"""The screens, each imported when it is first shown: the first paint waits for none but the jobs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from textual.screen import Screen

#: name -> module, class
SCREENS: dict[str, tuple[str, str]] = {
    "jobs": ("tui.screens.jobs", "JobsScreen"),
    "job": ("tui.screens.job", "JobScreen"),
    "scripts": ("tui.screens.scripts", "ScriptsScreen"),
    "script": ("tui.screens.script", "ScriptScreen"),
    "source": ("tui.screens.source", "SourceScreen"),
    "run": ("tui.screens.run", "RunScreen"),
    "feedback": ("tui.screens.feedback", "FeedbackScreen"),
    "settings": ("tui.screens.settings", "SettingsScreen"),
    "environment": ("tui.screens.settings_forms", "EnvironmentScreen"),
    "setting": ("tui.screens.settings_forms", "SettingScreen"),
    "token": ("tui.screens.settings_forms", "TokenScreen"),
    "granted": ("tui.screens.settings_modals", "GrantedScreen"),
    "key": ("tui.screens.settings_modals", "KeyScreen"),
    "help": ("tui.screens.help", "HelpScreen"),
    "confirm": ("tui.screens.confirm", "ConfirmScreen"),
    "quit": ("tui.screens.quit", "QuitScreen"),
    "views": ("tui.screens.views", "ViewsScreen"),
}


def make(name: str, *arguments: Any, **named: Any) -> Screen[Any]:
    """A new screen by name."""
    module, kind = SCREENS[name]
    screen: Screen[Any] = getattr(import_module(module), kind)(*arguments, **named)
    return screen
