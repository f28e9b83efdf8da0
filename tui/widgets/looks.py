"""Component classes as styles of drawn lines."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


def ink(widget: Widget, name: str) -> Style:
    """The letters of a component class, for any ground; transparent colours are blended with that of the widget."""
    style = widget.get_component_rich_style(name)
    return style.without_color + Style(color=style.color)


def ground(widget: Widget, name: str) -> Style:
    """A component class with its ground, blended."""
    return widget.get_component_rich_style(name)
