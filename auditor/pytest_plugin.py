"""`pytest --attribution-audit`: the spans that an application's own tests export, audited as the run ends.

Without the option it imports neither the auditor nor an SDK: pytest loads the plugin in every project.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auditor.report.schema import Report

NAME = "tests"  # of the input in the report
_KEY = "attribution_spans"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, in a group of their own."""
    group = parser.getgroup("attribution audit")
    group.addoption(
        "--attribution-audit",
        action="store_true",
        help="Audit the spans that the tests export through the OpenTelemetry SDK; the gate fails the run.",
    )
    group.addoption("--attribution-policy", metavar="FILE", help="The policy, instead of the nearest one.")
    group.addoption("--attribution-profile", metavar="NAME", help="The required fields.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the collector when the option is given; UsageError without an SDK."""
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
    """Collects spans in every process that runs tests, audits them in the one that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._spans: list[str] = []
        self._providers: list[Any] = []
        self._errors: list[str] = []
        self._report: Report | None = None

    # -- collecting ------------------------------------------------------------------------------------------

    def attach(self) -> None:
        """Add an exporter to the global TracerProvider if the SDK made it; tests may set more than one."""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider) and not any(provider is other for other in self._providers):
            self._providers.append(provider)
            provider.add_span_processor(SimpleSpanProcessor(_exporter(self._spans)))

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[Any]:
        """Attach around collection: test modules and conftest.py files often set the provider on import."""
        self.attach()
        result = yield
        self.attach()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[Any]:
        """Attach around each test: a provider that a test sets is used from the next test on."""
        self.attach()
        result = yield
        self.attach()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Iterator[Any]:
        """Attach after each fixture: a provider that a fixture sets is used in its test."""
        result = yield
        self.attach()
        return result

    # -- auditing --------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the spans that a process of pytest-xdist collected."""
        self._spans += getattr(node, "workeroutput", {}).get(_KEY, [])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Audit; a failed gate fails a run that had passed."""
        output = getattr(self._config, "workeroutput", None)  # of a process of pytest-xdist
        if output is not None:
            output[_KEY] = self._spans
            return
        if self._audit():
            return
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _audit(self) -> bool:
        """Whether the gate passes; report or errors are kept for the summary."""
        from auditor.errors import AuditError

        try:
            self._report = report = _audit_spans(self._spans, self._config)
        except AuditError as error:
            self._errors = [f"{error.message}{f' ({error.hint})' if error.hint else ''}"]
            return False
        if not report.totals.calls:
            self._errors = [
                "no model call among the spans: does a test make one, with the SDK's provider set?"
            ]
            return False
        return report.gate.passed

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print each open gap on a line, then the summary line."""
        from auditor.printing.text import plural, visible

        terminalreporter.section("attribution audit")
        terminalreporter.write_line(f"{plural(len(self._spans), 'span')} collected")
        for line in self._errors or _lines(self._report):
            terminalreporter.write_line(visible(line))


def _exporter(spans: list[str]) -> Any:
    """An exporter that appends each span to `spans`, as JSON."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class ListExporter(SpanExporter):
        """Keeps spans in this process."""

        def export(self, batch: Any) -> SpanExportResult:
            spans.extend(span.to_json(indent=None) for span in batch)
            return SpanExportResult.SUCCESS

    return ListExporter()


def _audit_spans(spans: list[str], config: pytest.Config) -> Report:
    """The report of the spans by the policy that was named, else by the nearest one of the root folder."""
    from pathlib import Path

    from auditor.audit import Input, audit
    from auditor.policy.files import find_policy
    from auditor.policy.settings import effective_policy
    from auditor.policy.switches import Switches

    named = config.getoption("--attribution-policy")
    path = Path(named) if named else find_policy(config.rootpath)
    switches = Switches(
        policy_file=path, no_config=path is None, profile=config.getoption("--attribution-profile")
    )
    policy, _ = effective_policy(switches)
    return audit([Input(name=NAME, data="\n".join(spans).encode() or b"\n", format="otel-console")], policy)


def _lines(report: Report | None) -> list[str]:
    if report is None:
        return []
    from auditor.report.sentences import one_line
    from auditor.writers import writer

    concise = writer("concise").write(report).decode().splitlines()
    return [*concise, one_line(report)]
