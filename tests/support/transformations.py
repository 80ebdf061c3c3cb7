"""The same records in another wrapping, spelling or file: what carries them says nothing of the calls.

An envelope takes the lines of a log as text and returns the bytes that a shipper, a runtime or a query API
writes of them. A nesting takes records, a spelling takes the name of a key.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Record = dict[str, Any]
Envelope = Callable[[Sequence[str]], bytes]
Nesting = Callable[[list[Record]], bytes]

_FIRST = datetime(2026, 9, 14, 10, 0, 0, tzinfo=UTC)


def json_lines(values: Sequence[Any]) -> bytes:
    """One JSON value a line."""
    return "\n".join(json.dumps(value) for value in values).encode() + b"\n"


def document(value: Any) -> bytes:
    """One JSON document."""
    return json.dumps(value).encode()


def _ns(number: int) -> int:
    return int(_FIRST.timestamp() + number) * 10**9


def _time(number: int) -> str:
    return (_FIRST + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.120Z")


def _each(wrap: Callable[[int, str], Any]) -> Envelope:
    """An envelope that writes one JSON object for each line."""
    return lambda lines: json_lines([wrap(number, line) for number, line in enumerate(lines)])


def _before(prefix: Callable[[int], str]) -> Envelope:
    """An envelope that writes something before each line."""
    return lambda lines: "".join(f"{prefix(n)}{line}\n" for n, line in enumerate(lines)).encode()


def _whole(wrap: Callable[[list[tuple[int, str]]], Any]) -> Envelope:
    """An envelope that writes one document for all lines."""
    return lambda lines: document(wrap(list(enumerate(lines))))


_K8S = {"pod_name": "app-7d9f", "namespace_name": "prod", "container_name": "app", "labels": {"app": "app"}}
ENVELOPES: dict[str, Envelope] = {
    "docker": _each(lambda n, line: {"log": line + "\n", "stream": "stdout", "time": _time(n)}),
    "fluent bit": _each(lambda n, line: {"date": _ns(n) / 1e9, "log": line, "kubernetes": _K8S}),
    "journald": _each(
        lambda n, line: {
            "MESSAGE": line,
            "__REALTIME_TIMESTAMP": str(_ns(n) // 1000),
            "_HOSTNAME": "node-1",
            "_PID": "812",
            "PRIORITY": "6",
            "SYSLOG_IDENTIFIER": "app",
            "_SYSTEMD_UNIT": "app.service",
        }
    ),
    "splunk": _each(
        lambda n, line: {
            "preview": False,
            "result": {
                "_raw": line,
                "_time": _time(n),
                "host": "node-1",
                "source": "app.log",
                "sourcetype": "app",
            },
        }
    ),
    "filebeat": _each(
        lambda n, line: {
            "@timestamp": _time(n),
            "message": line,
            "input": {"type": "container"},
            "host": {"name": "node-1"},
            "log": {"offset": 40 * n, "file": {"path": "/var/log/app.log"}},
            "agent": {"type": "filebeat", "version": "8.15.0", "name": "node-1"},
            "ecs": {"version": "8.0.0"},
        }
    ),
    "vector": _each(
        lambda n, line: {
            "message": line,
            "source_type": "kubernetes_logs",
            "timestamp": _time(n),
            "stream": "stdout",
            "kubernetes": {"pod_name": "app-7d9f", "pod_namespace": "prod"},
        }
    ),
    "gcp text": _each(
        lambda n, line: {
            "textPayload": line,
            "timestamp": _time(n),
            "severity": "INFO",
            "insertId": f"i{n}",
            "logName": "projects/acme-prod/logs/stdout",
            "resource": {"type": "k8s_container", "labels": {"pod_name": "app-7d9f"}},
        }
    ),
    "cloudwatch": _whole(
        lambda lines: {
            "events": [
                {"timestamp": _ns(n) // 10**6, "message": line, "ingestionTime": _ns(n) // 10**6 + 9}
                for n, line in lines
            ],
            "nextForwardToken": "f/3",
            "nextBackwardToken": "b/3",
        }
    ),
    "cloudwatch filter": _whole(
        lambda lines: {
            "events": [
                {"logStreamName": "app/1", "timestamp": _ns(n) // 10**6, "message": line, "eventId": f"{n}"}
                for n, line in lines
            ],
            "searchedLogStreams": [],
        }
    ),
    "cloudwatch subscription": _whole(
        lambda lines: {
            "messageType": "DATA_MESSAGE",
            "owner": "123456789012",
            "logGroup": "/app",
            "logStream": "app/1",
            "subscriptionFilters": ["all"],
            "logEvents": [{"id": f"{n}", "timestamp": _ns(n) // 10**6, "message": line} for n, line in lines],
        }
    ),
    "loki": _whole(
        lambda lines: {
            "status": "success",
            "data": {
                "resultType": "streams",
                "result": [
                    {
                        "stream": {"namespace": "prod", "container": "app", "pod": "app-7d9f"},
                        "values": [[str(_ns(n)), line] for n, line in lines],
                    }
                ],
                "stats": {"summary": {"bytesProcessedPerSecond": 5120}},
            },
        }
    ),
    "search hits": _whole(
        lambda lines: {
            "took": 3,
            "timed_out": False,
            "hits": {
                "total": {"value": len(lines), "relation": "eq"},
                "hits": [
                    {"_index": "logs", "_id": f"{n}", "_source": {"@timestamp": _time(n), "message": line}}
                    for n, line in lines
                ],
            },
        }
    ),
    "datadog": _whole(
        lambda lines: {
            "data": [
                {
                    "id": f"A{n}",
                    "type": "log",
                    "attributes": {
                        "message": line,
                        "timestamp": _time(n),
                        "status": "info",
                        "service": "app",
                        "tags": ["source:app"],
                    },
                }
                for n, line in lines
            ],
            "meta": {"elapsed": 12, "status": "done"},
        }
    ),
    "otlp body": _whole(lambda lines: _otlp([(n, {"stringValue": line}) for n, line in lines])),
    "cri": _before(lambda n: f"{_time(n)} stdout F "),
    "syslog 5424": _before(lambda n: f"<14>1 {_time(n)} node-1 app 812 - - "),
    "syslog 3164": _before(lambda n: f"Sep 14 10:00:{n % 60:02} node-1 app[812]: "),
    "kubectl prefix": _before(lambda n: "[pod/app-7d9f/app] "),
    "docker compose": _before(lambda n: "app-1  | "),
    "aws logs tail": _before(lambda n: f"{_time(n)[:-1]}000+00:00 app/1 "),
}


def _otlp(bodies: list[tuple[int, Any]]) -> Record:
    """An export of log records with these bodies."""
    records = [{"timeUnixNano": str(_ns(n)), "severityText": "INFO", "body": body} for n, body in bodies]
    service = {"key": "service.name", "value": {"stringValue": "app"}}
    logs = {
        "resource": {"attributes": [service]},
        "scopeLogs": [{"scope": {"name": "app"}, "logRecords": records}],
    }
    return {"resourceLogs": [logs]}


def _any_value(value: Any) -> Record:
    """A value in OTLP's JSON."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": _any_value(v)} for k, v in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(v) for v in value]}}
    return {} if value is None else {"stringValue": value}


NESTINGS: dict[str, Nesting] = {
    "under an unknown key": lambda records: json_lines([{"zzz": record} for record in records]),
    "two levels down": lambda records: json_lines([{"outer": {"inner": record}} for record in records]),
    "a list under an unknown key": lambda records: document({"zzz": records}),
    "a list at depth 2": lambda records: document({"export": {"zzz": records}, "version": 1}),
    "a list at depth 4": lambda records: document({"a": {"b": {"c": {"zzz": records}}}}),
    "two lists": lambda records: document({"a": records[::2], "b": records[1::2]}),
    "pages": lambda records: document([{"page": 1, "zzz": records[:3]}, {"page": 2, "zzz": records[3:]}]),
    "a map by id": lambda records: document({f"k-{n}": record for n, record in enumerate(records)}),
    "a map by id below": lambda records: document({"zzz": {f"k-{n}": r for n, r in enumerate(records)}}),
    "an array": document,
    "a pretty array": lambda records: json.dumps(records, indent=2).encode(),
    "pretty records": lambda records: "\n".join(json.dumps(r, indent=4) for r in records).encode(),
    "gcp json": lambda records: json_lines(
        [
            {"jsonPayload": r, "timestamp": _time(n), "severity": "INFO", "insertId": f"i{n}"}
            for n, r in enumerate(records)
        ]
    ),
    "search hits": lambda records: document(
        {"hits": {"hits": [{"_id": "1", "_source": r} for r in records]}}
    ),
    "otlp map body": lambda records: document(_otlp([(n, _any_value(r)) for n, r in enumerate(records)])),
    "text of json": lambda records: json_lines([json.dumps(record) for record in records]),
    "keys in another order": lambda records: json_lines([dict(reversed(r.items())) for r in records]),
    "numbers as text": lambda records: json_lines([_spelled_out(record) for record in records]),
    "null keys": lambda records: json_lines(
        [record | {"zzz": None, "yyy": "", "xxx": []} for record in records]
    ),
}


def _spelled_out(value: Any) -> Any:
    """Every number as text."""
    if isinstance(value, dict):
        return {key: _spelled_out(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def words(key: str) -> list[str]:
    """The words of a key in snake case, lower camel case or kebab case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower().split("_")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "camel": lambda key: words(key)[0] + "".join(word.title() for word in words(key)[1:]),
    "pascal": lambda key: "".join(word.title() for word in words(key)),
    "kebab": lambda key: "-".join(words(key)),
    "dotted": lambda key: ".".join(words(key)),
    "upper": lambda key: "_".join(words(key)).upper(),
    "glued": lambda key: "".join(words(key)),
    "prefixed": lambda key: f"acmeco.{key}",
    "prefixed camel": lambda key: f"acmeco.{SPELLINGS['camel'](key)}",
}


def renamed(record: Record, spelling: str, keep: frozenset[str] = frozenset()) -> Record:
    """A record with its keys in another spelling."""
    return {key if key in keep else SPELLINGS[spelling](key): value for key, value in record.items()}


FILES: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "BOM": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "gzip": gzip.compress,
    "no last line end": lambda data: data.rstrip(b"\n"),
    "blank lines": lambda data: data.replace(b"\n", b"\n\n"),
}
