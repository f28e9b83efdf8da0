"""Answering a job's question: what it asks, what it wrote last, and the place for the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from core.params.values import to_text
from core.service import Feedback, Job, ServiceError
from tui import drafts, keys
from tui.changes import Changes
from tui.screens.base import LOOK_ONLY
from tui.screens.confirm import ConfirmScreen
from tui.screens.question_parts import as_parameter, choice_line, hint, preselected, several, why_closed
from tui.widgets import plain
from tui.widgets.fields import SECRET_TYPES, Marks
from tui.widgets.form import Form
from tui.widgets.inputs import Edited, TextInput

if TYPE_CHECKING:
    from tui.app import JobdeckApp

#: lines of output that are shown above the question, and how much of each
_LINES = 5
_LINE_BYTES = 300
#: rows of a window in which nothing but the question is shown
_LOW = 20
#: columns of a window in which its buttons stand closer
_NARROW = 70


class FeedbackScreen(ModalScreen[bool]):
    """The open question of a job. Gives True when it was answered here. Escape keeps what was typed."""

    DEFAULT_CSS = """
    FeedbackScreen .box { width: 76; max-width: 98%; height: auto; max-height: 96%; padding: 0 1; }
    FeedbackScreen .about { color: $text-muted; height: 1; }
    FeedbackScreen .output { color: $text-muted; background: $panel; height: auto; max-height: 5; padding: 0 1;
        margin: 0 0 1 0; }
    FeedbackScreen .asks { height: auto; max-height: 12; }
    FeedbackScreen .caption { text-style: bold; height: auto; }
    FeedbackScreen .message { height: auto; margin: 0 0 1 0; }
    FeedbackScreen #answer { height: auto; max-height: 10; }
    FeedbackScreen #answer OptionList { height: auto; max-height: 8; border: none; padding: 0; background: $surface; }
    FeedbackScreen #answer Form { height: auto; max-height: 10; padding: 0; }
    FeedbackScreen #answer Field { margin: 0; }
    FeedbackScreen .hint { color: $text-muted; height: auto; }
    FeedbackScreen .problem { color: $text-error; height: auto; display: none; }
    FeedbackScreen.-wrong .problem { display: block; }
    FeedbackScreen .buttons { height: 1; margin: 1 0 0 0; }
    FeedbackScreen .buttons Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[Any] = keys.bindings("feedback")
    AUTO_FOCUS = ""

    def __init__(self, job_id: int) -> None:
        super().__init__()
        self.job_id = job_id
        self._question: Feedback | None = None
        self._sending = False
        self._looking = False
        self._due = False
        self._left = False
        #: what was typed or pasted while the question was being fetched
        self._early = ""

    @property
    def deck(self) -> JobdeckApp:
        """The application."""
        return cast("JobdeckApp", self.app)

    @property
    def question(self) -> Feedback | None:
        """The question that is shown."""
        return self._question

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box"):
            yield Static(Content(f"Job {self.job_id} asks"), classes="about")
            yield Static(classes="output")
            with VerticalScroll(classes="asks", can_focus=False):
                yield Static(classes="caption")
                yield Static(Content("Loading…"), classes="message")
            yield Vertical(id="answer")
            yield Static(classes="problem")
            yield Static(classes="hint")
            with Horizontal(classes="buttons"):
                yield Button(Content("Answer"), id="send", variant="primary")
                yield Button(Content("Later [esc]"), id="later")
                yield Button(Content("Cancel job [ctrl+x]"), id="cancel")

    def on_mount(self) -> None:
        """Look at the job, and again whenever it changes."""
        self.query_one(".output").display = self.query_one(".caption").display = False
        self.deck.changed.subscribe(self, self._on_changes)
        self.look()

    def on_resize(self, event: events.Resize) -> None:
        """In a low window there is room for the question alone."""
        self.set_class(event.size.height < _LOW, "-low")
        self.set_class(event.size.width < _NARROW, "-narrow")

    def _on_changes(self, changes: Changes) -> None:
        if changes.touches(self.job_id) and not self._sending:
            self.look()

    # -- what is asked ---------------------------------------------------------------------------------------------

    def look(self) -> None:
        """See whether the question is still open, and which is; once more where that is being done already."""
        self._due = True
        if not self._looking:
            self._looking = True
            self._look_until_done()

    @work(group="look")
    async def _look_until_done(self) -> None:
        # Never broken off by the next change: a job that prints all the time must not keep its question from sight.
        try:
            while self._due and self.is_attached:
                self._due = False
                await self._look()
        finally:
            self._looking = False

    def _leave(self, answered: bool) -> None:
        """Close, once: an answer and the news of it may both want to."""
        if not self._left:
            self._left = True
            self.dismiss(answered)

    async def _look(self) -> None:
        service = self.deck.service
        try:
            job = await service.job(self.job_id)
            questions = await service.feedback(self.job_id)
        except ServiceError as error:
            self.tell(str(error))
            return
        if self._sending or self._left:
            return
        asked = {question.id: question for question in questions}
        before = asked.get(self._question.id) if self._question else None
        if before is not None and not before.complete and not job.status.finished:
            return
        if self._question is not None:
            self.deck.say(why_closed(job, before))
            self._keep_draft(None)
        opened = next((question for question in questions if not question.complete), None)
        if opened is None or job.status.finished:
            if self._question is None:
                self.deck.say(f"Job {job.id} asks nothing at this moment.")
            self._leave(False)
            return
        await self._show(job, opened)

    async def _show(self, job: Job, question: Feedback) -> None:
        self._question = question
        self.set_class(False, "-wrong")
        self.query_one(".about", Static).update(plain.line(f"Job {job.id} · {job.script} asks"))
        caption, message = self.query_one(".caption", Static), self.query_one(".message", Static)
        caption.display = bool(question.caption)
        caption.update(plain.block(question.caption))
        message.update(plain.block(question.message.rstrip("\n")))
        message.display = bool(question.message.strip())
        answer = self.query_one("#answer")
        await answer.remove_children()
        draft = drafts.find(self.app, ("feedback", self.job_id, question.id))
        await self._mount_answer(answer, question, draft)
        self.query_one(".hint", Static).update(Content(hint(question)))
        reads_only = self.deck.connection.read_only
        self.query_one("#send", Button).disabled = self.query_one("#cancel", Button).disabled = reads_only
        if reads_only:
            self.tell(LOOK_ONLY)
            answer.disabled = True
            self.query_one("#later").focus()
        await self._show_output()

    async def _mount_answer(self, answer: Any, question: Feedback, draft: Any) -> None:
        if question.fields:
            parameters = [as_parameter(each) for each in question.fields]
            form = Form({"": parameters}, draft if isinstance(draft, dict) else None)
            await answer.mount(form)
            form.focus_first()
        elif question.choices and question.multiple:
            labels = tuple(choice.label for choice in question.choices)
            marked = draft if isinstance(draft, list) else (question.default or "").split(",")
            await answer.mount(Marks(labels, [each.strip() for each in marked]))
            answer.query(OptionList).first().focus()
        elif question.choices:
            options = OptionList(
                *(Option(choice_line(choice.label, choice.hotkey, choice.help)) for choice in question.choices)
            )
            await answer.mount(options)
            options.highlighted = draft if isinstance(draft, int) else preselected(question)
            options.focus()
        else:
            shown = "" if question.secret or question.default is None else f"empty: {question.default}"
            field = TextInput(
                draft if isinstance(draft, str) else "",
                "hidden while typed" if question.secret else shown,
                password=question.secret,
                empty_counts=True,
            )
            await answer.mount(field)
            field.focus()
            self._early, early = "", self._early
            field.insert_text_at_cursor(early)

    async def _show_output(self) -> None:
        try:
            page = await self.deck.service.lines(self.job_id, -_LINES, _LINES, width=_LINE_BYTES)
        except ServiceError:
            # The question is what matters; whoever wants the output finds it on the job's screen.
            return
        lines = [plain.coloured(line.data.decode("utf-8", "replace")) for line in page.lines]
        while lines and not lines[-1].plain.strip():
            lines.pop()
        output = self.query_one(".output", Static)
        output.display = bool(lines)
        output.update(Content("\n").join(lines))

    # -- the answer ------------------------------------------------------------------------------------------------

    def tell(self, problem: str) -> None:
        """Show what is wrong; "" takes it away."""
        self.set_class(bool(problem), "-wrong")
        self.query_one(".problem", Static).update(plain.block(f"✗ {problem}" if problem else ""))

    def on_edited(self, event: Edited) -> None:
        """What was wrong may be so no more."""
        event.stop()
        self.tell("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers."""
        event.stop()
        self.action_send()

    def on_form_submitted(self, event: Form.Submitted) -> None:
        """Enter in the last field answers."""
        event.stop()
        self.action_send()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A choice was taken by enter or a click."""
        event.stop()
        self.action_send()

    def on_key(self, event: events.Key) -> None:
        """The hotkey of a choice takes it, while the choices have the focus; what comes too early is kept."""
        question = self._question
        if self.take_early(event):
            event.stop()
            return
        if question is None or question.multiple or not isinstance(self.focused, OptionList) or not event.character:
            return
        for number, choice in enumerate(question.choices):
            if choice.hotkey and choice.hotkey.casefold() == event.character.casefold():
                event.stop()
                self.focused.highlighted = number
                self.action_send()
                return

    def take_early(self, event: events.Key) -> bool:
        """Keep what is typed while the question is being fetched; whether it was that."""
        early = self.is_attached and not self.query("#answer > *") and event.is_printable
        if early and event.character:
            self._early += event.character
        return bool(early)

    def on_paste(self, event: events.Paste) -> None:
        """A paste may come too early as well."""
        if not self.query_one("#answer").children:
            event.stop()
            self._early += event.text

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        actions = {"send": self.action_send, "later": self.action_back, "cancel": self.action_cancel}
        actions[event.button.id or "later"]()

    def action_send(self) -> None:
        """Give the answer."""
        question = self._question
        if question is None or self._sending or self.deck.connection.read_only:
            return
        if not self.query_one("#answer").children:
            # The question is being shown: nobody has seen it yet.
            return
        text, fields = None, None
        if question.fields:
            form = self.query_one(Form)
            if form.check():
                return
            # Every field, also an empty one: the service puts its default in.
            fields = {field.parameter.name: to_text(field.given) for field in form.fields}
        elif question.choices and question.multiple:
            text = several(question, self.query_one(Marks).marked)
        elif question.choices:
            at = self.query_one(OptionList).highlighted
            if at is None:
                self.tell("Choose one: the arrows go to it, enter takes it.")
                return
            text = question.choices[at].label
        else:
            text = str(self.query_one("#answer TextInput", TextInput).value)
        self._sending = True
        self._give(question, text, fields)

    @work(group="give")
    async def _give(self, question: Feedback, text: str | None, fields: Mapping[str, str] | None) -> None:
        try:
            await self.deck.service.answer(self.job_id, text, fields=fields, feedback=question.id)
        except ServiceError as error:
            self._sending = False
            self.tell(str(error))
            self.look()
            return
        self._keep_draft(None)
        self._leave(True)

    def action_back(self) -> None:
        """Leave the question open; what was typed is kept, a secret is not."""
        question = self._question
        if question is not None and not question.secret and self.query_one("#answer").children:
            self._keep_draft(self._draft(question))
        self._leave(False)

    def _draft(self, question: Feedback) -> Any:
        if question.fields:
            form = self.query_one(Form)
            fields = [field for field in form.fields if field.parameter.type not in SECRET_TYPES and field.touched]
            return {field.parameter.name: field.given for field in fields} or None
        if question.choices and question.multiple:
            return self.query_one(Marks).given
        if question.choices:
            return self.query_one(OptionList).highlighted
        return self.query_one("#answer TextInput", TextInput).value or None

    def _keep_draft(self, draft: Any) -> None:
        if self._question is not None:
            drafts.keep(self.app, ("feedback", self.job_id, self._question.id), draft)

    def action_cancel(self) -> None:
        """End the job, once that is confirmed."""
        if not self.deck.connection.read_only:
            self._cancel()

    @work(group="cancel", exclusive=True)
    async def _cancel(self) -> None:
        sure = await self.app.push_screen_wait(
            ConfirmScreen(
                f"Cancel job {self.job_id}?", f"Cancel job {self.job_id}",
                details=["It asks a question now; it ends without an answer."],
            )
        )  # fmt: skip
        if not sure:
            return
        try:
            await self.deck.service.cancel(self.job_id)
        except ServiceError as error:
            self.tell(str(error))
