"""`pytest --attribution-audit` on the tests of a small application: green, red, parallel, without an SDK."""

from __future__ import annotations

import json
import sys

import opentelemetry.sdk.trace.export
import pytest
from opentelemetry.util._once import Once

from auditor.audit import Input, audit
from auditor.policy import files as policies
from auditor.policy import settings as settled
from auditor.report import sentences as summary
from auditor.writers import writer
from tests.conftest import GOOD

pytest_plugins = ["pytester"]
# Pytester removes from sys.modules what a run imported. What must not be loaded twice is imported here.
IMPORTED = (opentelemetry.sdk.trace.export, policies, settled, summary)

APP = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())

def ask(**owner):
    with trace.get_tracer("app").start_as_current_span("chat claude-sonnet-4") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.request.model", "claude-sonnet-4")
        span.set_attribute("gen_ai.usage.input_tokens", 100)
        span.set_attribute("gen_ai.usage.output_tokens", 20)
        span.set_attribute("request.id", "r-1")
        for key, value in owner.items():
            span.set_attribute(key.replace("_", "."), value)
"""
OWNED = "from app import ask\n\ndef test_it():\n    ask(tenant_id='acme')\n"
UNOWNED = "from app import ask\n\ndef test_it():\n    ask()\n"


WORDS = ("-p", "auditor.pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Load what an audit loads at its first call."""
    writer("concise").write(audit([Input("x", data=GOOD)]))


@pytest.fixture(autouse=True)
def _no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process sets its provider once: each test begins as a new process does."""
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER_SET_ONCE", Once())


def prepare(pytester: pytest.Pytester) -> None:
    """The application that is tested, in a repository of its own."""
    pytester.makepyfile(app=APP)
    (pytester.path / ".git").mkdir(exist_ok=True)
    pytester.syspathinsert()


def run(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Pytest with this plugin, in this process."""
    prepare(pytester)
    return pytester.runpytest_inprocess(*WORDS, *words)


def run_apart(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Pytest with this plugin, in a process of its own."""
    prepare(pytester)
    return pytester.runpytest_subprocess(*WORDS, *words)


def test_a_call_with_an_owner_passes(pytester: pytest.Pytester) -> None:
    """The spans of the tests are audited, and the run stays green."""
    pytester.makepyfile(OWNED)
    ran = run(pytester, "--attribution-audit")

    assert 0 == ran.ret
    ran.stdout.fnmatch_lines(["*attribution audit*", "1 span collected", "gate passed;*"])


def test_a_call_without_an_owner_fails_the_run(pytester: pytest.Pytester) -> None:
    """Every test passed, and the gate failed: the gap is named, the exit code is that of failed tests."""
    pytester.makepyfile(UNOWNED)
    ran = run(pytester, "--attribution-audit")

    assert 1 == ran.ret
    ran.assert_outcomes(passed=1)
    ran.stdout.fnmatch_lines(["tests:*: error * tenant_id *", "gate FAILED*"])


def test_nothing_happens_unless_asked(pytester: pytest.Pytester) -> None:
    """Without the switch there is no section, and the auditor is not even imported."""
    pytester.makepyfile(
        UNOWNED + "\n\ndef test_light():\n    import sys\n    assert 'auditor.audit' not in sys.modules\n"
    )
    ran = run_apart(pytester)

    assert 0 == ran.ret
    ran.stdout.no_fnmatch_line("*attribution audit*")


def test_the_policy_of_the_application_holds(pytester: pytest.Pytester) -> None:
    """The nearest policy file, or the one that is named."""
    pytester.makepyfile(UNOWNED)
    (pytester.path / "loose.toml").write_text('fail_on = "none"\n')
    named = run(pytester, "--attribution-audit", "--attribution-policy", "loose.toml")
    (pytester.path / "loose.toml").rename(pytester.path / "auditor.toml")
    found = run(pytester, "--attribution-audit")
    wrong = run(pytester, "--attribution-audit", "--attribution-profile", "al")

    assert (0, 0, 1) == (named.ret, found.ret, wrong.ret)
    wrong.stdout.fnmatch_lines(["*there is no profile 'al'*"])


def test_a_provider_set_in_a_fixture_is_heard(pytester: pytest.Pytester) -> None:
    """As is one that a first test sets, from the second on."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture\ndef ask():\n    import app\n    return app.ask\n"
    )
    pytester.makepyfile("def test_it(ask):\n    ask(tenant_id='acme')\n")

    assert 0 == run(pytester, "--attribution-audit").ret


def test_a_run_without_a_model_call_fails(pytester: pytest.Pytester) -> None:
    """A gate that sees nothing proves nothing."""
    pytester.makepyfile("def test_it():\n    pass\n")
    ran = run(pytester, "--attribution-audit")

    assert 1 == ran.ret
    ran.stdout.fnmatch_lines(["0 spans collected", "*no model call*"])


@pytest.mark.install
def test_spans_of_parallel_processes_are_audited_together(pytester: pytest.Pytester) -> None:
    """pytest-xdist hands them to the process that reports."""
    pytester.makepyfile(
        test_a="from app import ask\ndef test_a():\n    ask(tenant_id='acme')\n",
        test_b="from app import ask\ndef test_b():\n    ask()\n",
    )
    ran = run_apart(pytester, "--attribution-audit", "-n", "2", "-p", "xdist")

    assert 1 == ran.ret
    ran.stdout.fnmatch_lines(["2 spans collected", "gate FAILED*1 of 2 calls*"])


def test_without_the_sdk_the_switch_is_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usage error, before any test runs."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    pytester.makepyfile("def test_it():\n    pass\n")
    ran = run(pytester, "--attribution-audit")

    assert 4 == ran.ret
    assert "opentelemetry-sdk" in ran.stderr.str() + ran.stdout.str()


def test_loading_the_plugin_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    """It is installed beside every application's tests, most of which never ask for it."""
    code = "import sys, json, auditor.pytest_plugin; print(json.dumps(sorted(sys.modules)))"
    ran = pytester.run(sys.executable, "-c", code)
    held = {name.split(".")[0] for name in json.loads(ran.stdout.lines[-1])}

    assert set() == held & {"polars", "pydantic", "msgspec", "opentelemetry", "litestar"}
