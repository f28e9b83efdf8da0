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
    variables={"border": "#4e4e4e", "cursor-row": "#264f78", "muted": "#8a8a8a", "faint": "#5f5f5f"},
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
    variables={
        "border": "#bcbcbc",
        "cursor-row": "#c6dcf2",
        "muted": "#6c6c6c",
        "faint": "#a8a8a8",
        # Fields of forms: lighter than the surface they would be as the background, and not to be seen.
        "surface-lighten-1": "#e0e0e0",
    },
)
THEMES = (DARK, LIGHT)


def default_theme(variables: Mapping[str, str]) -> str:
    """The theme where nobody chose one: TEXTUAL_THEME, else the light one where the terminal says it is light."""
    if chosen := variables.get("TEXTUAL_THEME"):
        return chosen
    # "foreground;background" as 16-colour numbers: 7 and 15 are light.
    background = variables.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name


def missing_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """What app.tcss uses and a theme that is not ours does not say."""
    from textual.color import Color, ColorParseError

    try:
        foreground, background = Color.parse(variables["foreground"]), Color.parse(variables["background"])
        mixed = {
            "muted": foreground.blend(background, 0.4).hex,
            "faint": foreground.blend(background, 0.65).hex,
            "cursor-row": background.blend(Color.parse(variables["primary"]), 0.35).hex,
        }
    except (KeyError, ColorParseError):
        mixed = {}
    if any(variables.get(name, "").startswith("ansi") for name in ("foreground", "background")):
        mixed = {"muted": "ansi_bright_black", "faint": "ansi_bright_black", "cursor-row": "ansi_blue"}
    return {name: value for name, value in mixed.items() if name not in variables}
