"""A real JupyterLab and a real Chromium for the browser tests.

`open_notebook(cells)` writes a notebook, opens it in JupyterLab, runs all of it and returns the
page. The server has a folder, settings and runtime files of its own and ends with the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "tests"
START_SECONDS = 60

CHROMIUM_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _without_news(settings: Path) -> None:
    """JupyterLab would ask, in the picture's corner, whether to fetch news."""
    place = settings / "@jupyterlab" / "apputils-extension"
    place.mkdir(parents=True)
    (place / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


class Lab:
    """A running JupyterLab: its address and the folder it serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        self.url = f"http://127.0.0.1:{_free_port()}"
        _without_news(folder / "settings")
        self._log = (folder / "server.log").open("w")
        folders = ("JUPYTER_CONFIG_DIR", "IPYTHONDIR", "DSVIZ_HOME")
        own = {name: str(folder / name.lower()) for name in folders}
        own |= {"JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
        own |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
                f"--ServerApp.port={self.url.rsplit(':', 1)[1]}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={self.folder}",
                f"--IdentityProvider.token={TOKEN}",
                "--LabApp.expose_app_in_browser=True",
                "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env=os.environ | own | {"PYTHONPATH": os.pathsep.join(paths)},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api/status?token={TOKEN}", timeout=2).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        self.stop()
        log = Path(self._log.name).read_text()
        raise RuntimeError(f"JupyterLab did not start within {START_SECONDS} s:\n{log[-2000:]}")

    def stop(self) -> None:
        """End the server, and with it the kernels it started."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
        self._log.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium; the tests are skipped, with what to install, where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no browser tests: pip install playwright"
    )
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if program is None:
        pytest.skip("no browser tests: no Chromium here; apt install chromium (or brew, dnf …)")
    flags = [*CHROMIUM_FLAGS, "--no-sandbox"] if _is_root() else CHROMIUM_FLAGS
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Lab]:
    """A JupyterLab of the tests' own (started only where there is a browser for it)."""
    pytest.importorskip("jupyterlab", reason="no browser tests: pip install jupyterlab")
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture
def open_notebook(lab: Lab, chromium: Any, request: pytest.FixtureRequest) -> Iterator[Callable]:
    """Return ``open_notebook(cells, width=, height=, dark=, reduced_motion=) -> page``.

    `cells` are sources of code cells, or the path of a notebook, which is copied. All cells have
    been run when it returns. ``page.errors`` lists what the page's scripts complained about.
    """
    contexts = []

    def open_one(
        cells: list[str] | Path,
        *,
        width: int = 1280,
        height: int = 1000,
        dark: bool = False,
        reduced_motion: bool = False,
    ) -> Any:
        name = f"{request.node.name.replace('[', '-').strip(']')}-{len(contexts)}.ipynb"
        _write(lab.folder / name, cells)
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            reduced_motion="reduce" if reduced_motion else "no-preference",
        )
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{lab.url}/lab/workspaces/{name[:-6]}/tree/{name}?token={TOKEN}&reset")
        _run_all(page)
        set_theme(page, "JupyterLab Dark" if dark else "JupyterLab Light")  # the server remembers
        return page

    yield open_one
    for context in contexts:
        context.close()


def _write(path: Path, cells: list[str] | Path) -> None:
    if isinstance(cells, Path):
        shutil.copy(cells, path)
        return
    sources = [
        {"cell_type": "code", "id": f"cell{i}", "metadata": {}, "source": source}
        | {"execution_count": None, "outputs": []}
        for i, source in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": sources, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    path.write_text(json.dumps(notebook | {"nbformat_minor": 5}))


def _run_all(page: Any) -> None:
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell.currentWidget")
    page.evaluate(
        """async () => {
          const app = window.jupyterapp;
          const context = app.shell.currentWidget.context;
          await context.sessionContext.ready;
          await app.commands.execute("notebook:run-all-cells");
        }"""
    )


def set_theme(page: Any, name: str) -> None:
    """Switch JupyterLab's theme and wait until it is in force."""
    page.evaluate(
        "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name
    )
    page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
