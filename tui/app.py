"""The terminal application: it owns the connection, the theme and the stack of screens, and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.signal import Signal
from textual.widgets import Input

from core.errors import Forbidden
from core.service import Invalid, JobService, ServiceError, Status, Unavailable
from tui import keys, screens
from tui.changes import EVERYTHING, Changes, Connection, Gathered, State
from tui.key_names import shown
from tui.key_order import KeyOrder
from tui.own_keys import OwnKeys, Wish, resolve
from tui.remembered import Remembered
from tui.screens.base import BaseScreen, cover_if_small
from tui.service_thread import Connect, ServiceThread
from tui.text import one_line
from tui.theme import THEMES, default_theme, missing_variables
from tui.told import few
from tui.widgets.beside import beside

if TYPE_CHECKING:
    from textual.driver import Driver

    from tui.waiting import Waiting

#: changes reach the screens at most so often, in seconds
_GATHER = 0.25
#: seconds in which a listener is up
_SETTLED = 1.0
#: how long to wait before the connection is tried again, in seconds
_RETRIES = (1.0, 2.0, 4.0, 8.0, 15.0)


class JobdeckApp(KeyOrder):
    """The application over a service that `connect` makes. Screens reach it as `self.app.service`.

    `place` says for people where the service is; `remote` = it is not this process's own engine.
    """

    TITLE = "jobdeck"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[Any] = keys.bindings("app", ("help", "palette", "quit", "suspend"))
    COMMANDS: ClassVar[Any] = {lambda: _palette()}
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        connect: Connect,
        *,
        place: str = "",
        remote: bool = False,
        remembered: Remembered | None = None,
        wishes: Sequence[Wish] = (),
        problems: Sequence[str] = (),
        theme: str | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.place = place
        self.remote = remote
        self.remembered = remembered or Remembered(None)
        self.thread = ServiceThread(connect)
        self.connection = Connection(State.CONNECTING, first=True)
        self._connected = False
        #: what changed, at most four times a second
        self.changed: Signal[Changes] = Signal(self, "changed")
        self.connection_changed: Signal[Connection] = Signal(self, "connection")
        #: how many jobs are in each status, as last counted
        self.counts: Mapping[Status, int] = {}
        self.counted: Signal[Mapping[Status, int]] = Signal(self, "counted")
        #: an engine is to stay in the background when this process has left
        self.keep_engine = False
        self._waiting: Waiting | None = None
        self._asked = False
        self._gathered = Gathered()
        self._passing_on = False
        self._retry = asyncio.Event()
        for known in THEMES:
            self.register_theme(known)
        wanted = theme or self.remembered.text("theme")
        self.theme = wanted if wanted in self.available_themes else default_theme(os.environ)
        #: what does not count of the settings file, beside keys
        self.file_problems = list(problems)
        if theme and theme not in self.available_themes:
            ours = ", ".join(name for name in sorted(self.available_themes) if name.startswith("jobdeck"))
            self.file_problems.append(
                f"config.toml: there is no theme {theme!r}. There are {ours} and others: Settings, Theme."
            )
        #: the keys that the settings file gives
        self.told_keys = tuple(wishes)
        #: what became of them, and of those that were chosen in the settings screen
        self.own_keys = OwnKeys()
        self.take_keys()

    @property
    def problems(self) -> list[str]:
        """A sentence for everything in the settings file that does not count for this application."""
        return [*self.file_problems, *self.own_keys.problems]

    def take_keys(self) -> None:
        """Give the verbs the keys that the settings file and the settings screen say."""
        chosen = self.remembered.texts("keys").items()
        self.own_keys = resolve([*self.told_keys, *(Wish(id, keys, "Settings, Keys", True) for id, keys in chosen)])
        self.set_keymap(self.own_keys.keymap)

    def key_of(self, id: str) -> str:
        """The key to name for a verb, as people write it; of one without any, its name in the palette."""
        found = self.own_keys.of(id)
        return shown(found[0]) if found else f"ctrl+p {keys.BY_ID[id].label}"

    @property
    def service(self) -> JobService:
        """The service. Its methods raise Unavailable while there is no connection."""
        return self.thread.service

    def get_driver_class(self) -> type[Driver]:
        """What draws and reads: in a terminal our own kind, elsewhere (a browser) as Textual says."""
        found = super().get_driver_class()
        if found.__module__ != "textual.drivers.linux_driver":
            return found
        from tui.terminal_driver import TerminalDriver

        return TerminalDriver

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables, and those of app.tcss that it does not know."""
        variables = super().get_css_variables()
        return variables | missing_variables(variables)

    def on_mount(self) -> None:
        """Show the jobs, and only then begin to look for the service."""
        self.app_resume_signal.subscribe(self, self._on_resumed)
        self.set_class(not self.is_headless and self.console.color_system == "standard", "-few-colours")
        self.push_screen(screens.make("jobs"))
        self.call_after_refresh(self._start)
        for problem in few(self.problems, f"Settings ({self.key_of('jobs.settings')}), Keys"):
            self.say(problem, severity="warning", seconds=15)

    def _start(self) -> None:
        self.run_worker(self._stay_connected(), name="connection", group="connection", exit_on_error=True)

    # -- the connection --------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        """Connect, listen, and connect again when it breaks."""
        attempt = 0
        while True:
            self._tell_connection(Connection(State.CONNECTING, self.connection.problem))
            try:
                service = await self.thread.open()
                await self._count()
                # The engine of this process does everything its user may.
                role = await self.thread.role() if self.remote else ""
                self._tell_connection(Connection(State.OPEN, read_only=role == "Reader", role=role))
                self._tell_changes(EVERYTHING)
                # Once more when the listener is there for sure: what changes in between is told by nobody.
                self.set_timer(_SETTLED, lambda: self._tell_changes(EVERYTHING))
                async for event in service.events():
                    attempt = 0
                    self._gather(event)
                problem = "The service ended the connection."
            except (Forbidden, Invalid) as error:
                # Trying again changes nothing until somebody does something.
                problem, attempt = str(error), -1
            except ServiceError as error:
                problem = str(error)
            wait = None if attempt < 0 else _RETRIES[min(attempt, len(_RETRIES) - 1)]
            attempt += 1
            self._tell_connection(Connection(State.LOST, problem, wait))
            self._retry.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._retry.wait()
            except TimeoutError:
                continue

    def _tell_connection(self, connection: Connection) -> None:
        self._connected = self._connected or connection.state is State.OPEN
        connection = self.connection = replace(connection, first=not self._connected)
        self.connection_changed.publish(connection)

    class Heard(Message):
        """The client tells that its server went away (a sentence), or that it is back (None)."""

        def __init__(self, trouble: str | None) -> None:
            super().__init__()
            self.trouble = trouble

    def hear(self, trouble: str | None) -> None:
        """What the client tells of its server; may be called on any thread."""
        self.post_message(self.Heard(trouble))

    def on_jobdeck_app_heard(self, message: Heard) -> None:
        """Show it, and look at everything anew once the server is back."""
        before = self.connection
        if message.trouble is not None:
            # The client tries again by itself, without a pause that could be told.
            self._tell_connection(replace(before, state=State.LOST, problem=message.trouble, retry_in=0.0))
        elif self.connection.state is State.LOST:
            self._tell_connection(replace(before, state=State.OPEN, problem="", retry_in=None))
            self._tell_changes(EVERYTHING)

    def reconnect(self) -> None:
        """Do not wait any longer: try now."""
        self._retry.set()

    def broken(self, error: ServiceError) -> None:
        """A call found out that the service cannot be reached."""
        if isinstance(error, Unavailable) and self.connection.state is State.OPEN and self.remote:
            self._tell_connection(Connection(State.LOST, str(error)))

    def _gather(self, event: Any) -> None:
        self._gathered.add(event)
        if not self._passing_on:
            self._passing_on = True
            self._pass_on()

    def _pass_on(self) -> None:
        changes = self._gathered.take()
        if changes is None:
            self._passing_on = False
            return
        self._tell_changes(changes)
        self.set_timer(_GATHER, self._pass_on, name="gather")

    def _tell_changes(self, changes: Changes) -> None:
        self.changed.publish(changes)
        if "job" in changes.kinds:
            beside(self, "counts", self._count_again)

    async def _count_again(self) -> None:
        try:
            await self._count()
            await self._tell_questions()
        except ServiceError as error:
            self.broken(error)

    async def _tell_questions(self) -> None:
        """Ring once for each new question, and say whose it is where its job is not on the screen."""
        if self._waiting is None:
            from tui.waiting import Waiting

            self._waiting = Waiting()
        elif not self.counts.get(Status.WaitingOnFeedback) and not self._asked:
            return
        news = await self._waiting.look(self.service)
        self._asked = bool(news.waiting)
        for job in news.new:
            self.bell()
            if getattr(self.screen, "job_id", None) != job.id:
                self.say(f"Job {job.id}, {job.script}, waits for an answer.", title="Question")

    async def _count(self) -> None:
        self.counts = await self.service.counts()
        self.counted.publish(self.counts)

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """Screens that can be seen through the one on top: none where it is opaque.

        Textual asks only those below whether they are: each line that changed in a hidden screen drew all of the one
        on top again.
        """
        if not self._screen_stack or self._screen_stack[-1].styles.background.a == 1:
            return []
        return super()._background_screens

    # -- screens and words -----------------------------------------------------------------------------------------

    def open(self, screen: str, *arguments: Any, **named: Any) -> Screen[Any]:
        """Show a screen of `tui.screens.SCREENS` on top of the others."""
        made = screens.make(screen, *arguments, **named)
        self.push_screen(made)
        return made

    def say(
        self, sentence: object, *, severity: str = "information", title: str = "", seconds: float | None = None
    ) -> None:
        """A short message that goes away by itself, once at a time; for what is not to be seen on the screen anyway."""
        for shown_now in list(self._notifications):
            if shown_now.message == one_line(sentence):
                self._unnotify(shown_now, refresh=False)
        self.notify(
            one_line(sentence), title=one_line(title), severity=severity, markup=False,  # type: ignore[arg-type]
            timeout=seconds or (10 if severity == "error" else 5),
        )  # fmt: skip

    def fail(self, error: ServiceError) -> None:
        """Tell what went wrong, as a message."""
        self.broken(error)
        self.say(error, severity="error")

    async def action_quit(self) -> None:
        """Leave; where jobs live that this process looks after, say that they go on."""
        live = [self.counts.get(status, 0) for status in (Status.Running, Status.Queued, Status.WaitingOnFeedback)]
        live[0] += self.counts.get(Status.Canceling, 0)
        if self.remote or not any(live):
            self.exit(0)
            return

        def leave(answer: str | None) -> None:
            self.keep_engine = answer == "keep"
            if answer is not None:
                self.exit(0)

        self.push_screen(screens.make("quit", *live), leave)

    def choose_theme(self, name: str) -> None:
        """Take another theme, now and at the next start."""
        self.theme = name
        self.remembered.put("theme", name)

    async def action_suspend_process(self) -> None:  # type: ignore[override]
        """Back to the shell. The lead is given up first: a stopped process must not hold it."""
        if self._driver is None or not self._driver.can_suspend:
            return
        self.workers.cancel_group(self, "connection")
        self._tell_connection(Connection(State.CLOSED))
        await self.thread.let_go()
        super().action_suspend_process()

    def _on_resumed(self, _: object) -> None:
        # The shell has written over the screen, and what stands still draws itself no second time.
        self.refresh(layout=True)
        if self.connection.state is State.CLOSED:
            self._start()

    def waits_for_terminal_no_longer(self) -> None:
        """The application is about to end; for a signal handler."""
        end_soon = getattr(self._driver, "end_soon", None)
        if end_soon is not None:
            end_soon()

    def end_by_signal(self, number: int) -> None:
        """SIGTERM, SIGHUP: restore the terminal and leave; jobs go on."""
        self.exit(return_code=128 + number)

    async def confirm(self, question: Screen[bool]) -> bool:
        """Show a question and wait for its answer; in a worker."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def answered(answer: bool | None) -> None:
            if not done.done():
                done.set_result(bool(answer))

        await self.push_screen(question, answered)
        return await done

    def on_key(self, event: events.Key) -> None:
        """What is typed right behind the key that opened an input belongs to it, though it was sent to another."""
        focused = self.focused
        if isinstance(focused, Input) and event.is_printable and event.character is not None:
            # An input takes every such key that reaches it: this one did not.
            event.prevent_default()
            focused.replace(event.character, *sorted(focused.selection))
        elif (take_early := getattr(self.screen, "take_early", None)) is not None and take_early(event):
            event.prevent_default()
        elif isinstance(self.screen, BaseScreen):
            self.screen.explain_key(event.key)

    def on_resize(self, event: events.Resize) -> None:
        """A box above the screen does not hide that the window is too small."""
        for screen in self.screen_stack:
            if isinstance(screen, ModalScreen) and screen.is_running:
                cover_if_small(screen, event.size)

    def on_paste(self, event: events.Paste) -> None:
        """The same of what is pasted there."""
        focused = self.focused
        if isinstance(focused, Input) and event.text:
            focused.replace(event.text.splitlines()[0], *sorted(focused.selection))

    def action_help_quit(self) -> None:
        """ctrl+c: many press it to leave."""
        self.say(f"{self.key_of('app.quit')} leaves jobdeck; jobs go on. ctrl+c does nothing here.")

    def action_help(self) -> None:
        """The keys that work here."""
        self.open("help", self.screen)


def _palette() -> Any:
    from tui.palette import Commands

    return Commands
