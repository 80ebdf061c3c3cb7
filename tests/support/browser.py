"""A headless Chromium for tests: widths, colour schemes, requests, console, pictures.

It never reaches another machine: a test asserts that no page asks it to.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
MISSING = " and ".join(
    name for name, path in (("chromium", CHROMIUM), ("chromedriver", CHROMEDRIVER)) if path is None
)
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """One browser with a fresh profile."""

    def __init__(self, profile: str, *, script: bool = True) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        if not script:
            rule = {"profile.managed_default_content_settings.javascript": 2}
            options.add_experimental_option("prefs", rule)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver: Any = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
        self.driver.get("about:blank")
        self.requested()  # the browser's own new tab

    def look(self, width: int, scheme: str = "light", height: int = 900) -> None:
        """Show pages at this width and in this colour scheme from now on."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def command(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Send one DevTools command."""
        answer: dict[str, Any] = self.driver.execute_cdp_cmd(name, arguments)
        return answer

    def open(self, address: str) -> None:
        """Go to a page."""
        self.driver.get(address)

    def wait(self, fact: Callable[[], Any]) -> Any:
        """What a fact gives once it holds."""
        return WebDriverWait(self.driver, 20).until(lambda _: fact())

    def find(self, selector: str) -> WebElement:
        """The first element that fits, waiting for it to appear."""
        found: WebElement = self.wait(lambda: self.driver.find_element(By.CSS_SELECTOR, selector))
        return found

    def all(self, selector: str) -> list[WebElement]:
        """Every element that fits now."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def ask(self, script: str, *arguments: object) -> Any:
        """The value of an expression in the page."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def paste(self, selector: str, text: str) -> None:
        """Put text into a box the way a paste does: at once, with an input event."""
        box = self.find(selector)
        self.driver.execute_script(
            "arguments[0].focus(); arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
            box,
            text,
        )

    def complaints(self) -> list[str]:
        """What the console has said since the last time: errors, warnings, violations of the policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Every address asked for since the last time."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, path: Path) -> None:
        """Save the whole page as a picture."""
        area = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": area["width"], "height": area["height"], "scale": 1}
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(*, script: bool = True) -> Iterator[Browser]:
    """A browser for the length of the block; its profile is thrown away."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        one = Browser(profile, script=script)
        try:
            yield one
        finally:
            one.driver.quit()
