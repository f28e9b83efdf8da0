"""The application in a browser, as docs/browser.md says: a real Chromium without a window looks at it and types."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import PROGRAM, Command
from tests.end_to_end.needs import needed

_EXAMPLES = Path(__file__).parents[2] / "examples"
#: keeps the page's terminal where the test finds it, so that the test reads what it shows
_KEEP = """
Object.defineProperty(Object.prototype, "terminal", {configurable: true, set(made) {
    window.shown = made;
    Object.defineProperty(this, "terminal", {value: made, writable: true, configurable: true});
}});
"""
_READ = """
const screen = window.shown && window.shown.buffer.active, lines = [];
for (let y = 0; screen && y < window.shown.rows; y++) lines.push(screen.getLine(y).translateToString(true));
return lines.join("\\n");
"""


class Page:
    """The page in the browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def until(self, pattern: str, seconds: float = 40) -> str:
        """What the page's terminal shows, once it matches."""
        deadline = time.monotonic() + seconds
        while True:
            shown = str(self.driver.execute_script(_READ))
            if re.search(pattern, shown, re.MULTILINE):
                return shown
            assert time.monotonic() < deadline, f"{pattern!r} never came:\n{shown}"
            time.sleep(0.05)

    def click(self) -> None:
        """Click into the terminal, as a person does before typing."""
        self.driver.find_element("css selector", ".xterm-screen").click()

    def press(self, *keys: str) -> None:
        """Press keys."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()


@pytest.fixture
def address(jobdeck: Command) -> Iterator[str]:
    """Where the application is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = f"Server({shlex.join(PROGRAM)!r}, host='127.0.0.1', port={port}).serve()"
    process = subprocess.Popen(
        [sys.executable, "-c", f"from textual_serve.server import Server; {words}"],
        cwd=jobdeck.directory, env=jobdeck.variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None and time.monotonic() < deadline, "textual-serve does not listen"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    process.wait(20)


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Page]:
    """The page, open."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = needed("chromium")
    for word in (
        "headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1200,800", f"user-data-dir={tmp_path}/user",
    ):  # fmt: skip
        options.add_argument(f"--{word}")
    driver = webdriver.Chrome(options=options, service=Service(needed("chromedriver")))
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _KEEP})
        driver.get(address)
        yield Page(driver)
    finally:
        driver.quit()


def test_jobs_are_seen_and_an_example_is_run(jobdeck: Command, page: Page) -> None:
    shutil.copytree(_EXAMPLES, jobdeck.directory, dirs_exist_ok=True)
    page.until("No job has run yet")
    first = jobdeck.json("run", "disk-usage.sh", "-p", "threshold=100")["id"]
    page.until(rf"{first} +✓ Completed +disk-usage\.sh")
    page.click()
    page.press("s")
    page.until(r"Scripts \(1\)")
    page.press("\ue007")
    page.until(r"Run · disk-usage\.sh")
    page.until("threshold")
    page.press("\ue035")
    page.until(rf"job {first + 1} · disk-usage\.sh")
    assert jobdeck.until(str(first + 1), "Completed")["source"] == "tui"
    page.press("\ue00c")
    page.until(r"Scripts \(1\)")
    page.press("\ue00c")
    page.until(rf"{first + 1} +✓ Completed +disk-usage\.sh")
