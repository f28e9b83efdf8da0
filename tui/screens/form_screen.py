"""What every screen with a form is: a title, the fields, a button that sends them, and the words when it fails."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from core.service import Parameter, ServiceError, Value
from tui import drafts, keys, text
from tui.screens.base import LOOK_ONLY, BaseScreen
from tui.widgets import plain
from tui.widgets.fields import MOST_TOLD, OWN, SECRET_TYPES, Field
from tui.widgets.form import Form
from tui.widgets.inputs import Pick
from tui.widgets.paths import Complete

_READ_ONLY = f"{LOOK_ONLY} Nothing can be sent from here."


@dataclass(slots=True)
class Filling:
    """What a form is made of: its sections, the values it opens with, and what stands above it."""

    sections: Mapping[str, Sequence[Parameter]]
    values: Mapping[str, Value] = field(default_factory=dict)
    #: secrets that have a value which holds unless another is typed
    kept: frozenset[str] = frozenset()
    #: the field, by its name, that takes one of the environments
    environment: str = ""
    #: a sentence below the title; from outside
    about: str = ""
    #: something to know before one sends it; a sentence
    warning: str = ""


class FormScreen(BaseScreen[Any]):
    """A form over the whole screen. A subclass says what it is filled with (`fill`) and what sending does (`send`)."""

    DEFAULT_CSS = """
    FormScreen .about { padding: 1 3 0 3; height: auto; max-height: 4; color: $text-muted; }
    FormScreen #body { height: 1fr; }
    FormScreen .note { padding: 1 3; height: auto; color: $text-muted; }
    FormScreen .banner { padding: 0 3; height: auto; max-height: 6; display: none; }
    FormScreen .banner.-error { display: block; color: $text-error; }
    FormScreen .banner.-warning { display: block; color: $text-warning; }
    FormScreen .buttons { height: 1; padding: 0 3; margin: 1 0; }
    FormScreen .buttons Button { margin-right: 2; min-width: 12; border: none; height: 1; }
    FormScreen .buttons #send { background: $primary 35%; }
    FormScreen .buttons Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[Any] = keys.bindings("form", ("send",))
    AUTO_FOCUS = ""

    #: what the button says
    verb = "Save"
    #: whether the help tells the names of parameters where the form shows others
    named = False
    #: what stands in the place of the form until it is there
    waiting = "Loading…"

    def __init__(self) -> None:
        super().__init__()
        self._sending = False
        self._left = False

    # -- what a subclass says --------------------------------------------------------------------------------------

    @property
    def key_labels(self) -> Mapping[str, str]:
        """Sending is called what the button says."""
        return {"form.send": self.verb}

    @property
    def heading(self) -> str:
        """The title; from outside."""
        raise NotImplementedError

    def begin(self) -> None:
        """The screen is there: ask for what the form is made of."""
        self.load()

    @property
    def draft_key(self) -> Hashable | None:
        """Under what the typed values are kept when one leaves; None = they are not."""
        return None

    async def fill(self) -> Filling:
        """What the form is made of. Raises ServiceError."""
        raise NotImplementedError

    async def send(self, given: Mapping[str, Value]) -> None:
        """Do what the form is for and leave. Raises ServiceError."""
        raise NotImplementedError

    def complete(self) -> Complete | None:
        """How paths are completed; None = from the disk of this computer."""
        return None

    #: a word in an error of the service -> the form's own field that it is about
    words: ClassVar[Mapping[str, str]] = {}

    # -- the screen ------------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        """Fields, words, buttons."""
        yield from self.compose_above()
        with Vertical(id="body"):
            yield Static(Content(self.waiting), classes="note")
        yield Static(classes="banner")
        with Horizontal(classes="buttons"):
            yield Button(Content(self.verb), id="send", variant="primary", disabled=bool(self.read_only), compact=True)
            yield Button(Content("Back"), id="back", compact=True)

    def compose_above(self) -> ComposeResult:
        """What stands between the title and the form."""
        yield from ()

    def on_mount(self) -> None:
        """Ask for what the form is made of."""
        self.status_line.show(trail=self.heading)
        self.begin()

    @property
    def read_only(self) -> str:
        """Why nothing may be changed, as a sentence; "" when it may."""
        return _READ_ONLY if self.deck.connection.read_only else ""

    @property
    def form(self) -> Form | None:
        """The form, once it is there."""
        return next(iter(self.query(Form)), None)

    @work(exclusive=True, group="fill")
    async def load(self, focus: bool = True) -> None:
        """Fill the form, anew where there was one."""
        trouble = ""
        try:
            filling = await self.fill()
        except ServiceError as error:
            trouble = str(error)
        if not self.is_attached:
            return
        if trouble:
            await self.show_note(trouble, error=True)
        else:
            await self.show_form(filling, focus)

    async def show_form(self, filling: Filling, focus: bool = True) -> None:
        """Put the form up."""
        draft = drafts.find(self.app, self.draft_key) if self.draft_key is not None else None
        values = {**filling.values, **(draft or {})}
        environment = values.get(filling.environment)
        picked = Pick([environment] if environment else [], environment, "none chosen")
        form = Form(
            filling.sections,
            values,
            controls={filling.environment: picked},
            kept=filling.kept,
            complete=self.complete(),
            named=self.named,
            disabled=bool(self.read_only),
        )
        body = self.query_one("#body")
        async with self.batch():
            await body.remove_children()
            if filling.about:
                await body.mount(Static(plain.block(filling.about), classes="about"))
            if any(filling.sections.values()):
                await body.mount(form)
        if not self.query(".banner"):
            # It was left while it was made: its parts are gone.
            return
        self.status_line.show(trail=self.heading)
        self.tell(self.read_only or filling.warning, "warning")
        if filling.environment:
            self.background(self._offer_environments(picked), group="environments")
        if focus and not self.read_only:
            form.focus_first()
        elif self.read_only:
            self.query_one("#back").focus()

    async def _offer_environments(self, picked: Pick) -> None:
        # They are tried before they are told, which may take a while: the form does not wait for them.
        environments = await self.service.environments()
        # Attached, it may still lack the parts that are to show them: what it has been sent comes after those.
        picked.call_after_refresh(picked.offer, [environment.name for environment in environments])

    async def show_note(self, words: str, error: bool = False) -> None:
        """Show a sentence in the place of the form."""
        body = self.query_one("#body")
        await body.remove_children()
        await body.mount(Static(plain.block(words), classes="note"))
        self.tell(words if error else "", "error")
        if error:
            body.remove_children(".note")
            self.query_one("#back").focus()

    def tell(self, words: str, kind: str = "error") -> None:
        """Show a sentence above the buttons; "" takes it away."""
        banner = self.query_one(".banner", Static)
        banner.set_class(bool(words) and kind == "error", "-error")
        banner.set_class(bool(words) and kind == "warning", "-warning")
        # What it quotes may be a page that was pasted.
        banner.update(plain.block(text.cut(words, MOST_TOLD)))

    def on_field_changed(self, event: Field.Changed) -> None:
        """What was told of the last attempt may be so no more."""
        event.stop()
        if not self.read_only:
            self.tell("")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        """Enter in the last field goes to the button: a second one sends."""
        event.stop()
        self.query_one("#send").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        if event.button.id == "send":
            self.action_send()
        elif event.button.id == "back":
            self.action_back()

    def action_back(self) -> None:
        """Leave; what was typed is kept, secrets apart."""
        form = self.form
        if form is not None and self.draft_key is not None and form.touched:
            public = {f.parameter.name: f.given for f in form.fields if f.parameter.type not in SECRET_TYPES}
            drafts.keep(self.app, self.draft_key, public)
        self.leave()

    def leave(self) -> bool:
        """Close the form, unless a person left it while it was being sent; whether it was closed now."""
        if self._left:
            return False
        self._left = True
        self.dismiss(None)
        return True

    def action_send(self) -> None:
        """Check the form and send it."""
        if self.read_only:
            self.tell(self.read_only, "warning")
            return
        form = self.form
        if form is None or self._sending:
            return
        wrong = form.check()
        if wrong:
            self.tell("One value needs attention." if len(wrong) == 1 else f"{len(wrong)} values need attention.")
            return
        self._sending = True
        self.query_one("#send", Button).disabled = True
        self.deliver(form.given)

    @work(group="send")
    async def deliver(self, given: Mapping[str, Value]) -> None:
        """Send what is given; an error goes to the field it is about."""
        try:
            await self.send(given)
        except ServiceError as error:
            self.place(str(error))
        else:
            if self.draft_key is not None:
                drafts.keep(self.app, self.draft_key, None)
        finally:
            self._sending = False
            if self.is_attached:
                self.query_one("#send", Button).disabled = False

    def place(self, sentence: str) -> None:
        """Show an error of the service at the field it names, else above the buttons."""
        form = self.form
        meant = self._meant(form, sentence) if form is not None else None
        if meant is None:
            self.tell(sentence)
            return
        meant.tell(sentence)
        meant.focus()
        self.tell("One value needs attention.")

    def _meant(self, form: Form, sentence: str) -> Field | None:
        for each in form.fields:
            name = re.escape(each.parameter.name)
            if not each.parameter.name.startswith(OWN) and re.search(rf"(^|: |needs |'){name}('| |:|$)", sentence):
                return each
        folded = sentence.casefold()
        for word, name in self.words.items():
            if word in folded:
                return form.field(name)
        return None
