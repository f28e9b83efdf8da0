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
    background="#12161c",
    surface="#171c24",
    panel="#1f2630",
    success="#86b97f",
    warning="#d9ad66",
    error="#e07a7a",
    variables={"border": "#313b49", "footer-key-foreground": "#7ba7d9", "block-cursor-text-style": "none"},
)
LIGHT = Theme(
    name="jobdeck-light",
    dark=False,
    primary="#2a5f9e",
    secondary="#5b6675",
    accent="#00707f",
    foreground="#1e2732",
    background="#fbfbfc",
    surface="#f3f5f8",
    panel="#e6eaf0",
    success="#2f7a34",
    warning="#8a5a00",
    error="#b3261e",
    variables={"border": "#c3cbd6", "footer-key-foreground": "#2a5f9e", "block-cursor-text-style": "none"},
)
THEMES = (DARK, LIGHT)


def default_theme(variables: Mapping[str, str]) -> str:
    """The theme where nobody chose one: TEXTUAL_THEME, else the light one where the terminal says it is light."""
    if chosen := variables.get("TEXTUAL_THEME"):
        return chosen
    # "foreground;background" as 16-colour numbers: 7 and 15 are light.
    background = variables.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name
