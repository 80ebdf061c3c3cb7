"""Which strings are words of a format and stay, and which name somebody: by their key, then by themselves.

It knows no format: what the readers and the rules compare with is looked up in them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from types import CodeType, FunctionType
from typing import Any, Literal

from auditor.fields import catalogue, normalise
from auditor.readers import all_readers
from auditor.readers._nested import BODIES
from auditor.rulebook import load_rules

Kind = Literal["identity", "secret", "body", "shown", "prose", "other"]

IDENTITY = frozenset(
    """tenant_id workflow_id workflow_run_id team_id request_id attempt_id response_id trace_id session_id
    user_id iam_principal principal_tags session_tags resource_tags account_id cost_center agent""".split()
)
_SECRET = re.compile(
    r"""(?x)(^|_)(authorization|cookie|cookies|set_cookie|api_?keys?|api_?token|access_token|refresh_token|id_token|
    auth_token|bearer|session_token|security_token|secret|secrets|password|passwd|signature|private_key|
    client_secret|secret_access_key|helicone_auth|aig_authorization|csrf|jwt|token)$"""
)
_PROSE = frozenset(
    "message msg log line event_message raw log_line error error_message reason detail".split()
)
# keys whose values are words of the format, of models or of places
_SHOWN = re.compile(
    r"""(?ix)(^|[._/>\]])(
    model|model_?id|model_?name|model_group|request\.model|response\.model|ai_model|region|aws_?region|inference_?region|
    cloud\.region|system|provider|provider\.name|custom_llm_provider|ai_org|operation|operation\.name|rpc\.\w+|call_type|
    event|level|status|status_?code|error\.type|error_?code|kind|type|service|service\.name|schema_?type|schema_?version|
    line_item_type|line_item_line_item_type|line_item_usage_type|usage_type|line_item_product_code|product_region_code|
    pricing_unit|line_item_currency_code|unit|currency|stream|cache_hit|deployment\.environment(\.name)?|environment|
    span\.kind|finish_reasons?|name
    )$"""
)
_KEPT = re.compile(
    r"""(?x)^(?!.*(account|resource_id|resource_name|principal|user_identifier|arn|invoice_id|tags))(
    line_item_|product_|pricing_|bill_|savings_plan_|reservation_|discount_|charge_|sku_|region_|billing_currency|
    billing_period|consumed_|commitment_discount_(?!id|name)|service_|publisher|provider|invoice_issuer|
    availability_zone)"""
)
_KEPT_WHOLE = frozenset(
    """model model_id model_name engine deployment_model user_agent sdk sdk_name sdk_version scope_name
    library library_name telemetry_sdk_name telemetry_sdk_language telemetry_sdk_version method
    http_method protocol mode type object role schema version api_version event_name event_source
    event_type event_category stop_reason finish_reason finish_reasons severity severity_text level
    levelname logger logger_name logger_class status_message run_type span_kind kind dotted_kind
    routing_strategy route route_pattern path_template timestamp time date created created_at start_time
    end_time started_at ended_at updated_at currency unit units encoding content_type accept language
    locale pricing_model tier service_tier az zone function_name""".split()
)
_MODEL = re.compile(
    r"""(?ix)(^|[^a-z])(claude|anthropic|amazon\.|nova-|titan|llama|mistral|mixtral|cohere|command-r|gpt-|gpt\d|
    o[134]-|gemini|deepseek|qwen|text-embedding|dall-e|whisper|jamba|ai21|meta\.|openai|grok|phi-\d|embed-)"""
)
_REGION = re.compile(r"^(?:[a-z]{2}(?:-[a-z]+)+-\d[a-z]?|(?:eu|us|apac|global)(?:-[a-z]+)*)$")
_NUMBER = re.compile(
    r"""(?ix)^[-+]?[$€£]?\s?\d[\d.,_]*(?:e[-+]?\d+)?\s?(?:%|[a-zµ]{0,3}|usd|eur|tokens?|seconds?|cents?)$"""
)
_TIME = re.compile(
    r"""(?x)^\[?\d{4}-\d\d-\d\d([T\ ]\d\d:\d\d(:\d\d)?.*)?$|^\[?\d{1,2}/\w{3}/\d{4}[:T\ ].*$|
    ^\d\d:\d\d:\d\d\S*$|^\d{8}T\d{6}Z?$"""
)
_MEDIA = re.compile(r"^(?:application|text|image|multipart|audio|video)/[\w.+-]+(?:;\s*charset=[\w-]+)?$")
_STAGES = frozenset(
    "dev development test testing qa uat staging stage sandbox preprod prod production local".split()
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,}")
_LITERAL = re.compile(r"'([^']+)'")


@lru_cache(maxsize=20_000)
def kind_of(path: tuple[str, ...]) -> Kind:
    """What stands under a key, which is given with the keys around it."""
    last = path[-1] if path else ""
    name = normalise(re.split(r"[./→]", last)[-1])
    match = catalogue().lookup(".".join(path[-4:])) if last else None
    if match is None and last:
        match = catalogue().lookup(last)
    if match is not None and match.field in IDENTITY:
        return "identity"
    if _SECRET.search(name):
        return "secret"
    if name in _PROSE:
        return "prose"
    if (
        match is not None
        or _SHOWN.search(last)
        or _SHOWN.search(name)
        or name in _KEPT_WHOLE
        or _KEPT.search(normalise(last))
    ):
        return "shown"
    if name in BODIES or last.lower() in BODIES:
        return "body"
    return "identity" if _ends_as_identity(name) else "other"


def _ends_as_identity(name: str) -> bool:
    """Whether a key ends in the name of an owner: `billing_team`, `sub_account_id`."""
    parts = name.split("_")
    tails = ("_".join(parts[-2:]), parts[-1]) if len(parts) > 1 else ()
    found = (catalogue().lookup(tail) for tail in tails)
    return any(match is not None and match.field in IDENTITY for match in found)


@cache
def known_words() -> frozenset[str]:
    """Every word that a reader compares with: what it knows is of a format, not of a customer."""
    names = {reader.name for reader in all_readers()}
    found: set[str] = set(names)
    for name, module in list(sys.modules.items()):
        if name.startswith("auditor.readers"):
            for at, held in vars(module).items():
                found.update(() if at.startswith("__") else _words(held))
    return frozenset(word.lower() for word in found)


def _words(held: Any, depth: int = 0) -> Iterator[str]:
    """The strings in a constant: of containers, of patterns, of the code of functions."""
    if depth > 4:
        return
    if isinstance(held, str):
        yield held
    elif isinstance(held, re.Pattern):
        yield from _WORD.findall(str(held.pattern))
    for inner in _inside(held):
        yield from _words(inner, depth + 1)


def _inside(held: Any) -> Iterable[Any]:
    if isinstance(held, FunctionType):
        return (held.__code__,)
    if isinstance(held, CodeType):
        return held.co_consts[1:]
    if isinstance(held, Mapping):
        return (*held.keys(), *held.values())
    return held if isinstance(held, (list, tuple, set, frozenset)) else ()


@cache
def rule_words() -> frozenset[str]:
    """Every word that a rule compares with: `root`, `handler`, `default_user_id` …"""
    return frozenset(word.lower() for rule in load_rules() for word in _LITERAL.findall(rule.when))


def is_word(text: str) -> bool:
    """Whether a value under a key that tells nothing names nobody: a number, a time, a model, a word."""
    text = text.strip()
    lower = text.lower()
    return (
        lower in known_words()
        or lower in rule_words()
        or lower in _STAGES
        or bool(_NUMBER.match(text) or _TIME.match(text) or _MEDIA.match(text))
        or is_place(text)
    )


def is_place(text: str) -> bool:
    """Whether a value names a model or a region."""
    return " " not in text and "@" not in text and bool(_MODEL.search(text) or _REGION.match(text))
