"""Every error is one answer: problem details for programs, a readable page for people, headers on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auditor.web import problems, security
from tests.support.web_service import FRAGMENT, PAGE, RECORD, Client, service

JSON = "application/problem+json"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with service(max_body=5_000) as client:
        yield client


ERRORS = [
    ("GET", "/nope", {}, b"", 404),
    ("GET", "/rules/XXX999", {}, b"", 404),
    ("GET", "/static/nope.js", {}, b"", 404),
    ("DELETE", "/", {}, b"", 405),
    ("POST", "/audit", {"Content-Type": "text/plain"}, b"x", 400),
    ("POST", "/audit", {"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\nbroken", 400),
    ("POST", "/audit", {"Content-Type": "multipart/form-data"}, b"x", 400),
    ("POST", "/audit", {"Content-Type": "application/x-www-form-urlencoded"}, b"sample=nope", 404),
    ("POST", "/audit", {"Content-Type": "application/x-www-form-urlencoded"}, b"text=", 422),
    (
        "POST",
        "/audit",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"text=%5B%5D&format=nope",
        400,
    ),
    ("POST", "/audit", {"Sec-Fetch-Site": "cross-site"}, b"", 403),
    ("POST", "/audit", {"Origin": "http://evil.example"}, b"", 403),
    ("POST", "/api/v1/audits", {}, b"x" * 6_000, 413),
    ("POST", "/audit", {}, b"x" * 6_000, 413),
]


@pytest.mark.parametrize(("method", "address", "headers", "body", "status"), ERRORS)
def test_a_program_gets_problem_details(client: Client, method, address, headers, body, status) -> None:
    """Without an Accept of HTML every error is RFC 9457 with type, title, status, detail and a way on."""
    answer = client.request(method, address, headers=headers, content=body)

    assert (status, JSON) == (answer.status_code, answer.headers["content-type"].split(";")[0])
    problem = answer.json()
    assert status == problem["status"]
    assert problem["title"]
    assert problem["detail"]
    assert problem["hint"]
    assert f'id="{problem["type"].removeprefix("/problems#")}"' in client.get("/problems").text


@pytest.mark.parametrize(("method", "address", "headers", "body", "status"), ERRORS)
def test_a_person_gets_a_page(client: Client, method, address, headers, body, status) -> None:
    """A browser gets the same words as a page, or as a fragment when htmx asked; the API stays with JSON."""
    whole = client.request(method, address, headers=headers | PAGE, content=body)
    part = client.request(method, address, headers=headers | FRAGMENT, content=body)

    assert (status, status) == (whole.status_code, part.status_code)
    if address.startswith("/api/"):
        assert JSON == whole.headers["content-type"].split(";")[0]
        return
    assert whole.text.startswith("<!doctype html>")
    assert part.text.startswith("<section")


@pytest.mark.parametrize(("method", "address", "headers", "body", "status"), ERRORS)
def test_every_error_carries_the_headers(client: Client, method, address, headers, body, status) -> None:
    """Refusals carry the same security headers as pages, and are never cached."""
    answer = client.request(method, address, headers=headers, content=body)

    for name, value in security.HEADERS.items():
        assert value == answer.headers[name]
    assert "no-store" == answer.headers["cache-control"]


def test_a_bug_says_nothing_of_itself(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen exception is a 500 whose words come from us, not from the exception."""

    def broken() -> list[object]:
        raise ValueError("secret-of-the-exception")

    monkeypatch.setattr("auditor.web.routes.reference.samples", broken)
    answer = client.get("/api/v1/samples")

    assert (500, "The service met a bug") == (answer.status_code, answer.json()["title"])
    assert "secret-of-the-exception" not in answer.text


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_forms_are_welcome(client: Client, site: str) -> None:
    """The page's own posts pass, and so do programs and the null origin of a no-referrer page."""
    assert 200 == client.post("/audit", data={"text": RECORD}, headers={"Sec-Fetch-Site": site}).status_code
    assert 200 == client.post("/audit", data={"text": RECORD}, headers={"Origin": "null"}).status_code
    own = {"Origin": "http://auditor.local"}
    assert 200 == client.post("/audit", data={"text": RECORD}, headers=own).status_code


def test_kinds_have_names_of_their_own() -> None:
    """No two kinds of problem share a type."""
    names = [problems.kind_name(kind) for kind in problems.KINDS]

    assert sorted(set(names)) == sorted(names)
