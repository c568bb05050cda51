"""Plans and questions decided as people do it: by the forms of Prefect's two UIs, in a browser. Prints a line a step.

python tests/benchmarks/waiting_in_the_ui.py [--screenshots FOLDER]

Needs Chromium and playwright (the extra `browser`). Starts, in a scratch folder, a Prefect server, a process that serves the
deployment `enrich`, and the double of the Messages API, which counts; kills the first two with `kill -9` while a flow run waits.
Takes about four minutes on a machine with nothing else to do. Exit code 1: a step failed, and is named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from playwright.sync_api import Locator, Page, TimeoutError, sync_playwright
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import free_port
from research.tables import open_run
from research.testing import Answer, ModelServer, Request, asking, researcher

ROOT: Final = Path(__file__).parents[2]
SCHEMA: Final = {"operator": "who runs it", "launched": "date"}
FOREIGN: Final = "**Which** one? <img src=x onerror=alert(1)> [here](https://evil.example)"
PATIENCE: Final = 600.0
MOST_CLICKS: Final = 5
"""Prefect's server on SQLite refuses an answer while its database is locked (3.8.8): the form stays, and one clicks again."""
LOG_LINES: Final = 25
CLICK_SECONDS: Final = 90.0
DIALOG_SECONDS: Final = 1.5
"""In which the UI moves a form into place."""


class Surroundings:
    """A Prefect server and a process that serves the deployment: what a kill takes away and a start brings back."""

    def __init__(self, folder: Path, model: str) -> None:
        port = free_port()
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._port = str(port)
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RESEARCH_"))}
        self._environment |= {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "RESEARCH_CACHE_DIR": str(folder / "cache"),
            "ANTHROPIC_BASE_URL": model,
            "ANTHROPIC_API_KEY": "test",
            "PYTHONPATH": str(ROOT),
            "DO_NOT_TRACK": "1",
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self._begin("server", "server", "start", "--host", "127.0.0.1", "--port", self._port)
        until(lambda: httpx.get(f"{self.url}/api/health", trust_env=False).is_success, "Prefect's server answers")
        self._begin("serve", "flow", "serve", "flows/enrichment.py:enrich", "--name", "enrich")
        self.deployment()

    def _begin(self, log: str, *command: str) -> None:
        with (self.folder / f"{log}.log").open("ab") as out:
            process = subprocess.Popen(
                (sys.executable, "-m", "prefect", *command),
                env=self._environment,
                cwd=ROOT,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._processes.append(process)

    def kill(self) -> None:
        """`kill -9` of all that was started, and of what that has started."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def flow_processes(self) -> int:
        """How many processes carry out a flow run."""
        group = str(self._processes[-1].pid)
        lines = subprocess.run(["ps", "-e", "-o", "pgid=,pid="], capture_output=True, text=True, check=True).stdout.splitlines()
        return sum(line.split()[0] == group for line in lines) - 1

    def deployment(self) -> UUID:
        def find() -> UUID:
            with get_client(sync_client=True) as client:
                return client.read_deployment_by_name("enrich/enrich").id

        found: UUID = until(find, "the deployment is there")
        return found


def until(look: Callable[[], Any], what: str) -> Any:
    """What a look finds, as soon as it finds something."""
    end = time.monotonic() + PATIENCE
    why = "no"
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except Exception as error:  # noqa: BLE001 - whatever is not there yet
            why = f"{type(error).__name__}: {error}"
        time.sleep(0.5)
    raise SystemExit(f"NOT RIGHT: {what}: not within {PATIENCE:.0f} s ({why:.300})")


def step(what: str, *, right: bool, seen: object = "") -> None:
    if not right:
        raise SystemExit(f"NOT RIGHT: {what}: {seen}")
    print(f"{what}{f': {seen}' if seen != '' else ''}", flush=True)


class Check:
    """One flow run after the other, decided in the browser."""

    def __init__(self, around: Surroundings, model: ModelServer, page: Page, screenshots: Path | None) -> None:
        self.around = around
        self.model = model
        self.page = page
        self.dialogs: list[str] = []
        page.on("dialog", lambda dialog: self.dialogs.append(dialog.message))
        self._screenshots = screenshots
        self._answers: list[int] = []
        page.on("response", lambda response: self._answers.append(response.status) if response.url.endswith("/resume") else None)

    def begin(self, name: str, rows: int, **options: Any) -> UUID:
        """A flow run of the deployment that waits for people."""
        table = self.around.folder / f"{name}.csv"
        table.write_text("name\n" + "".join(f"Probe {row}\n" for row in range(rows)))
        parameters = {"table": str(table), "output_schema": SCHEMA, "objective": "Facts about the probe {name}"}
        parameters |= {"corpus": str(self.around.folder / "pages"), "out": str(self.out(name)), "processor": "core", **options}
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(self.around.deployment(), parameters=parameters).id
        self.comes_to(run, "Suspended", f"{name}: the flow run of {rows} rows")
        until(lambda: self.around.flow_processes() == 0, "its process has ended")
        step(f"{name}: processes of flow runs while it waits", right=True, seen=0)
        return run

    def state(self, run: UUID) -> str | None:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run).state_name

    def comes_to(self, run: UUID, state: str, what: str) -> None:
        def look() -> bool:
            now = self.state(run)
            if now in {"Failed", "Crashed"}:
                raise SystemExit(f"NOT RIGHT: {what} is {now}")
            return now == state

        until(look, f"{what} is {state}")
        print(f"{what}: {state}; requests to the model so far: {len(self.model.requests)}", flush=True)

    def out(self, name: str) -> Path:
        return self.around.folder / "runs" / name

    def statuses(self, name: str) -> list[str]:
        return list(open_run(self.out(name)).results()["status"])

    @contextmanager
    def form(self, run: UUID, name: str, *, older: bool = False) -> Iterator[Locator]:
        """The form of a flow run that waits; afterwards it is sent."""
        self.page.goto(f"{self.around.url}{'' if older else '/v2'}/runs/flow-run/{run}")
        if not older:
            self.page.get_by_role("button", name="Open menu").click()
        self.page.get_by_role("button" if older else "menuitem", name="Resume").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox").first.wait_for()
        self.page.wait_for_timeout(DIALOG_SECONDS * 1000)
        if self._screenshots is not None:
            dialog.screenshot(path=self._screenshots / f"{name}.png")
        yield dialog
        self._answers.clear()
        clicks = 0
        while clicks < MOST_CLICKS and self.state(run) == "Suspended":
            clicks += 1
            dialog.get_by_role("button", name="Submit" if older else "Resume").click()
            with suppress(TimeoutError):
                dialog.wait_for(state="hidden", timeout=CLICK_SECONDS * 1000)
        seen = f"clicks {clicks}, HTTP {', '.join(map(str, self._answers))}"
        step(f"{name}: sent by the {'older' if older else 'newer'} UI", right=self.state(run) != "Suspended", seen=seen)

    def plans(self) -> None:
        run = self.begin("plans", 3, mode="plan")
        step("plans: requests of three plans", right=len(self.model.requests) == 3, seen=3)
        with self.form(run, "plans-1") as form:
            texts = [each.input_value() for each in form.get_by_role("textbox").all()]
            step("plans: the form's fields", right=texts[:2] == ["0-2", ""] and len(texts) == 8, seen=texts[:4])
            form.get_by_role("textbox", name="Rows to approve").fill("0, all")
            form.get_by_role("textbox").nth(2).fill("Who runs the probe?")
        self.comes_to(run, "Suspended", "plans: `0, all` names no rows, so the flow run")
        step("plans: a form that could not be read has cost no request", right=len(self.model.requests) == 3)
        with self.form(run, "plans-2", older=True) as form:
            step("plans: the next form says why", right="NOT TAKEN: '0, all' names no rows" in form.inner_text())
            boxes = form.get_by_role("textbox")
            step("plans: and has what was typed", right=boxes.nth(2).input_value() == "Who runs the probe?")
            boxes.nth(0).fill("0-1")
            boxes.nth(1).fill("1")
        self.comes_to(run, "Suspended", "plans: row 0 approved, row 1 stopped, row 2 open: the flow run")
        statuses = self.statuses("plans")
        step("plans: rows", right=statuses == ["completed", "cancelled", "action_required"], seen=statuses)
        with self.form(run, "plans-3"):
            pass
        self.comes_to(run, "Completed", "plans: row 2 approved as it was: the flow run")
        statuses = self.statuses("plans")
        step("plans: rows", right=statuses == ["completed", "cancelled", "completed"], seen=statuses)
        texts = [*open_run(self.out("plans")).questions().query("row_index == 0")["text"]]
        step("plans: carried out as edited", right=texts[0] == "Who runs the probe?", seen=texts)

    def questions(self) -> None:
        run = self.begin("questions", 3, allow_questions=True)
        before = len(self.model.requests)
        self.around.kill()
        print("questions: kill -9 of Prefect's server and of the process that serves the deployment", flush=True)
        self.around.start()
        print("questions: both are started again", flush=True)
        with self.form(run, "questions-1") as form:
            text = form.inner_text()
            step("questions: foreign text is text", right=f"row 1 · Probe 1: {FOREIGN} (one · the other)" in text, seen=FOREIGN)
            step("questions: links and images in the form", right=form.locator("a, img").count() == 0, seen=0)
            form.get_by_role("textbox").nth(0).fill("one")
            form.get_by_role("textbox").nth(2).fill("neither: *that* one")
        self.comes_to(run, "Suspended", "questions: rows 0 and 2 answered: the flow run")
        statuses = self.statuses("questions")
        step("questions: rows", right=statuses == ["completed", "action_required", "completed"], seen=statuses)
        with self.form(run, "questions-2", older=True) as form:
            form.get_by_role("textbox").nth(0).fill("the other")
        self.comes_to(run, "Completed", "questions: row 1 answered: the flow run")
        answers = list(open_run(self.out("questions")).questions()["answer"])
        step("questions: answers in the table", right=answers == ["one", "the other", "neither: *that* one"], seen=answers)
        searches = list(open_run(self.out("questions")).usage()["search_queries"])
        step("questions: searches of each row", right=searches == [1, 1, 1], seen=searches)
        step("questions: requests after the kill", right=True, seen=len(self.model.requests) - before)

    def last(self) -> None:
        again = [request.number for request in self.model.requests if request.attempt > 1]
        step("requests to the model", right=True, seen=len(self.model.requests))
        step("of them asked before, and so paid twice", right=not again, seen=len(again))
        step("scripts of foreign text that ran", right=not self.dialogs, seen=len(self.dialogs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screenshots", type=Path, help="a folder for a picture of each form")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium is installed")
    if options.screenshots is not None:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    ask = asking(FOREIGN, "one", "the other")

    def rule(request: Request) -> Answer | Awaitable[Answer]:
        """Searches, reads, asks if it may, and answers."""
        return ask(request) if any(result.name == "read" for result in request.tool_results) else researcher(request)

    with tempfile.TemporaryDirectory(prefix="waiting-in-the-ui-") as name, ModelServer(rule) as model, sync_playwright() as play:
        folder = Path(name)
        (folder / "pages").mkdir()
        for row in range(3):
            (folder / "pages" / f"{row}.md").write_text(f"# Probe {row}\n\nOperator: NASA\nLaunched: 19{row + 10}-01-02\n")
        around = Surroundings(folder, model.url)
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            with temporary_settings(updates={PREFECT_API_URL: f"{around.url}/api"}):
                around.start()
                page = browser.new_page(viewport={"width": 1280, "height": 3000})
                check = Check(around, model, page, options.screenshots)
                check.plans()
                check.questions()
                check.last()
        except SystemExit:
            for log in ("server.log", "serve.log"):
                print(f"the end of {log}:", *(folder / log).read_text().splitlines()[-LOG_LINES:], sep="\n")
            raise
        finally:
            browser.close()
            around.kill()
    print("all steps are right")


if __name__ == "__main__":
    main()
