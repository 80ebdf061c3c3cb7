"""`pytest --attribution-audit`: the spans that an application's own tests export, audited as the run ends.

It touches nothing unless it is asked to, and imports neither the auditor nor an SDK before that.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auditor.report.schema import Report

NAME = "tests"  # what the input is called in the report
_KEY = "attribution_spans"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switches, in a group of their own."""
    group = parser.getgroup("attribution audit")
    group.addoption(
        "--attribution-audit",
        action="store_true",
        help="Audit the spans that the tests export through the OpenTelemetry SDK; the gate fails the run.",
    )
    group.addoption("--attribution-policy", metavar="FILE", help="The policy, instead of the nearest one.")
    group.addoption("--attribution-profile", metavar="NAME", help="The required fields.")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect, when asked to."""
    if not config.getoption("--attribution-audit"):
        return
    try:
        import_module("opentelemetry.sdk.trace")
    except ImportError:
        raise pytest.UsageError(
            "--attribution-audit: there is no opentelemetry-sdk here, so no spans to collect"
        ) from None
    config.pluginmanager.register(Collector(config), "attribution-audit")


class Collector:
    """Collects in every process that runs tests, audits in the one that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._spans: list[str] = []
        self._attached: list[Any] = []
        self._told: list[str] = []
        self._report: Report | None = None

    # -- collecting ------------------------------------------------------------------------------------------

    def attach(self) -> None:
        """Listen to the global TracerProvider as soon as an SDK one is set; more than one may come."""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider) and not any(provider is one for one in self._attached):
            self._attached.append(provider)
            provider.add_span_processor(SimpleSpanProcessor(_exporter(self._spans)))

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[Any]:
        """Modules of tests and conftest.py files often set the provider when they are imported."""
        self.attach()
        held = yield
        self.attach()
        return held

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[Any]:
        """A provider that a test sets is heard from the next test on at the latest."""
        self.attach()
        held = yield
        self.attach()
        return held

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Iterator[Any]:
        """A provider that a fixture sets is heard before the test begins."""
        held = yield
        self.attach()
        return held

    # -- auditing --------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a process of pytest-xdist collected."""
        self._spans += getattr(node, "workeroutput", {}).get(_KEY, [])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Audit; a failed gate fails a run that had passed."""
        held = getattr(self._config, "workeroutput", None)
        if held is not None:
            held[_KEY] = self._spans
            return
        if self._audit():
            return
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _audit(self) -> bool:
        """Whether the gate passes; what to tell is kept for the summary."""
        from auditor.errors import AuditError

        try:
            self._report = report = _audited(self._spans, self._config)
        except AuditError as error:
            self._told = [f"{error.message}{f' ({error.hint})' if error.hint else ''}"]
            return False
        if not report.totals.calls:
            self._told = ["no model call among the spans: does a test make one, with the SDK's provider set?"]
            return False
        return report.gate.passed

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Every open gap on a line, then the one line that sums up."""
        from auditor.printing.text import plural, visible

        terminalreporter.section("attribution audit")
        terminalreporter.write_line(f"{plural(len(self._spans), 'span')} collected")
        for line in self._told or _lines(self._report):
            terminalreporter.write_line(visible(line))


def _exporter(spans: list[str]) -> Any:
    """An exporter that keeps each span as the SDK prints it."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Kept(SpanExporter):
        """Keeps spans in this process."""

        def export(self, batch: Any) -> SpanExportResult:
            spans.extend(span.to_json(indent=None) for span in batch)
            return SpanExportResult.SUCCESS

    return Kept()


def _audited(spans: list[str], config: pytest.Config) -> Report:
    """The report of the collected spans by the policy that holds in the root folder of the tests."""
    from pathlib import Path

    from auditor.audit import Input, audit
    from auditor.policy.files import find
    from auditor.policy.settings import Switches, settle

    named = config.getoption("--attribution-policy")
    path = Path(named) if named else find(config.rootpath)
    switches = Switches(
        policy_file=path, no_config=path is None, profile=config.getoption("--attribution-profile")
    )
    policy, _ = settle(switches)
    return audit([Input(name=NAME, data="\n".join(spans).encode() or b"\n", format="otel-console")], policy)


def _lines(report: Report | None) -> list[str]:
    if report is None:
        return []
    from auditor.report.sentences import one_line
    from auditor.writers import writer

    concise = writer("concise").write(report).decode().splitlines()
    return [*concise, one_line(report)]
