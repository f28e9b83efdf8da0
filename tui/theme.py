"""The application's own themes: calm colours, one for dark and one for light terminals."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="jobdeck-dark",
    dark=True,
    primary="#7ba7d9",
    secondary="#8f9bb3",
    accent="#5fb3b3",
    foreground="#cfd6e1",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    success="#86b97f",
    warning="#d9ad66",
    error="#e07a7a",
    variables={"border": "#4e4e4e", "block-cursor-background": "#264f78"},
)
LIGHT = Theme(
    name="jobdeck-light",
    dark=False,
    primary="#2a5f9e",
    secondary="#5b6675",
    accent="#00707f",
    foreground="#1e2732",
    background="#fafafa",
    surface="#eeeeee",
    panel="#e4e4e4",
    success="#2f7a34",
    warning="#8a5a00",
    error="#b3261e",
    variables={"border": "#bcbcbc", "block-cursor-background": "#afd7ff"},
)
THEMES = (DARK, LIGHT)


def default_theme(variables: Mapping[str, str]) -> str:
    """The theme where nobody chose one: TEXTUAL_THEME, else the light one where the terminal says it is light."""
    if chosen := variables.get("TEXTUAL_THEME"):
        return chosen
    # "foreground;background" as 16-colour numbers: 7 and 15 are light.
    background = variables.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name
