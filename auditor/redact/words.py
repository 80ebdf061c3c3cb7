"""Which strings are words of a format and stay, and which identify somebody: by key, then by value.

Words come from the readers and the rules: there is no list of formats here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from auditor.catalogue.fields import catalogue
from auditor.catalogue.key_words import normalise
from auditor.framing.nested import BODIES
from auditor.redact.vocabulary import STAGES, known_words, model_words, pieces_of, rule_words

Kind = Literal["identity", "secret", "body", "shown", "words", "prose", "other"]

IDENTITY = frozenset(
    """tenant_id workflow_id workflow_run_id team_id request_id attempt_id response_id trace_id session_id
    user_id iam_principal principal_tags session_tags resource_tags account_id cost_center agent""".split()
)
_SECRET = re.compile(
    r"""(?x)(^|_)(authorization|cookie|cookies|set_cookie|api_?keys?|api_?token|access_token|refresh_token|id_token|
    auth_token|bearer|session_token|security_token|secret|secrets|password|passwd|signature|private_key|
    client_secret|secret_access_key|helicone_auth|aig_authorization|csrf|jwt|token)$"""
)
# whole keys whose values are names of models, regions, services, operations and products: they stay
_SHOWN = frozenset(
    """ai_model ai_model_id ai_model_provider ai_org ai_response_model availability_zone aws_region
    az base_service call_type cloud_availability_zone cloud_region custom_llm_provider
    dd_base_service deployment_model engine gen_ai_operation_name gen_ai_provider_name
    gen_ai_system http_route inference_region instrumentation_scope_name invoice_issuer
    invoice_issuer_id invoice_issuer_name library library_name library_version
    line_item_legal_entity line_item_operation line_item_product_code line_item_usage_type
    llm_provider llm_system ls_model_name ls_provider model model_group model_id model_name
    model_provider operation operation_name otel_library_name otel_resource_service_name
    otel_scope_name otel_scope_version path_template pricing_rate_code pricing_rate_id
    product_location product_model product_name product_operation product_product_name
    product_region product_region_code product_service_code product_servicecode
    product_servicename product_sku product_usagetype provider provider_name publisher
    publisher_name region region_id region_name request_model resource_service_name
    response_model root_service_name root_trace_name route_pattern rpc_method rpc_service
    rpc_system scope_name scope_version sdk sdk_name sdk_version service service_category
    service_name service_subcategory sku_id sku_price_id span_name span_operation system
    telemetry_sdk_language telemetry_sdk_name telemetry_sdk_version usage_type x_operation
    x_service_code x_usage_type zone""".split()
)
_PROSE = frozenset(
    """detail error error_message event_message exception exception_message line log log_line message msg
    raw reason status_message""".split()
)
# keys whose values are words of a fixed set: of such a value only known words stay
_WORDS = frozenset(
    """accept amzn_error_type api_version bill_bill_type bill_billing_entity bill_billing_period_end_date
    bill_billing_period_start_date bill_type billing_currency billing_period_end billing_period_start
    cache_hit cache_status charge_category charge_class charge_description charge_frequency
    charge_period_end charge_period_start commitment_discount_category commitment_discount_status
    commitment_discount_type consumed_unit content_type created created_at currency date
    deployment_environment deployment_environment_name dotted_kind encoding end_time ended_at environment
    error_class error_code error_type event event_category event_name event_source event_type
    exception_type finish_reason finish_reasons gen_ai_response_finish_reasons http_method kind language
    level levelname line_item_currency_code line_item_line_item_description line_item_line_item_type
    line_item_type line_item_usage_end_date line_item_usage_start_date locale logger logger_class
    logger_name method mode native_finish_reason object pricing_category pricing_currency pricing_model
    pricing_public_on_demand_cost pricing_term pricing_unit product_from_location_type
    product_location_type product_product_family product_to_location_type protocol role routing_strategy
    run_type schema schema_type schema_version service_tier severity severity_text span_kind start_time
    started_at status status_code stop_reason stream telemetry_type terminal_type tier time timestamp
    trace_state type unit units updated_at user_agent version""".split()
)
_LISTED = _SHOWN | _WORDS | _PROSE
_MODEL = re.compile(
    r"""(?ix)(^|[^a-z])(claude|anthropic|amazon\.|nova-|titan|llama|mistral|mixtral|cohere|command-r|gpt-|gpt\d|
    o[134]-|gemini|deepseek|qwen|text-embedding|dall-e|whisper|jamba|ai21|meta\.|openai|grok|phi-\d|embed-)"""
)
# what a bill calls the tokens of a model: `USE1-NovaPro-input-tokens`
_USAGE_TYPE = re.compile(r"[A-Z]{3,4}\d-[\w.-]{1,64}-tokens?(?:-[\w-]{1,64})?")
_REGION = re.compile(
    r"""(?x)(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov|-isob?|-isof)?-(?:north|south|east|west|central|
    northeast|northwest|southeast|southwest)-\d[a-z]?|
    (?:asia|australia|europe|northamerica|southamerica|me|us|africa)-(?:north|south|east|west|central|
    northeast|northwest|southeast|southwest)\d(?:-[a-z])?|eu|us|apac|global"""
)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")  # an IP address is no number
_NUMBER = re.compile(
    r"""(?ix)[-+]?[$€£]?\s?\d[\d.,_]*(?:e[-+]?\d+)?\s?(?:%|[a-zµ]{0,3}|usd|eur|tokens?|seconds?|cents?)"""
)
_ZONE = r"(?:[ ]?(?:Z|UTC|GMT|[A-Z]{3,4}|[+-]\d\d:?\d\d))?"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[ ][AP]M)?"
_TIME = re.compile(
    rf"""(?x)\[?(?:\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK}{_ZONE})?|
    \d{{1,2}}/\w{{3}}/\d{{4}}(?:[:T ]{_CLOCK}{_ZONE})?|\d{{1,2}}/\d{{1,2}}/\d{{4}}(?:,?[ ]{_CLOCK}{_ZONE})?|
    (?:\w{{3}},[ ])?\d{{1,2}}[ -]\w{{3}}[ -]\d{{4}}(?:[ ]{_CLOCK}{_ZONE})?|{_CLOCK}{_ZONE}|\d{{8}}T\d{{6}}Z?)
    (?:/\d{{4}}-\d\d-\d\d(?:T{_CLOCK}{_ZONE})?)?\]?"""
)
_MEDIA = re.compile(
    r"""(?x)(?:application|text|image|multipart|audio|video)/(?:json|x-ndjson|jsonl|event-stream|plain|html|xml|csv|
    markdown|octet-stream|form-data|x-www-form-urlencoded|x-protobuf|protobuf|grpc(?:\+proto)?|pdf|png|jpeg|gif|
    webp|mpeg|mp4|wav|vnd\.amazon\.eventstream|x-amz-json-1\.[01]|\*)
    (?:;[ ]?charset=(?:utf-8|us-ascii|iso-8859-1))?"""
)


@lru_cache(maxsize=20_000)
def kind_of(path: tuple[str, ...]) -> Kind:
    """The kind of the values under a key, by the keys that lead to it."""
    last = path[-1] if path else ""
    whole = normalise(last)
    name = normalise(re.split(r"[./→]", last)[-1])
    match = catalogue().lookup(".".join(path[-4:])) if last else None
    if match is None and last:
        match = catalogue().lookup(last)
    if match is not None and match.field in IDENTITY:
        return "identity"
    if _SECRET.search(name):
        return "secret"
    if whole in _SHOWN:
        return "shown"
    if match is not None:
        return "shown" if match.field in ("model", "provider", "region", "inference_region") else "words"
    if name in _PROSE:
        return "prose"
    if name in _WORDS or whole in _WORDS:
        return "words"
    if name in BODIES or last.lower() in BODIES:
        return "body"
    return "identity" if _ends_as_identity(name) else "other"


def is_listed(key: str) -> bool:
    """Whether a key is a key of a format, word for word."""
    whole = normalise(key)
    return key.lower() in known_words() or catalogue().names(key) or whole in _LISTED


def _ends_as_identity(name: str) -> bool:
    """Whether a key ends in the name of an owner: `billing_team`, `sub_account_id`."""
    parts = name.split("_")
    tails = ("_".join(parts[-2:]), parts[-1]) if len(parts) > 1 else ()
    matches = (catalogue().lookup(tail) for tail in tails)
    return any(match is not None and match.field in IDENTITY for match in matches)


def is_word(text: str) -> bool:
    """Whether a value under an unknown key identifies nobody: a number, a time, a model, a word."""
    text = text.strip()
    lower = text.lower()
    return (
        lower in known_words()
        or lower in rule_words()
        or lower in STAGES
        or bool(
            (_NUMBER.fullmatch(text) and not _ADDRESS.fullmatch(text))
            or _TIME.fullmatch(text)
            or _MEDIA.fullmatch(text)
        )
        or is_place(text)
    )


@lru_cache(maxsize=20_000)
def is_place(text: str) -> bool:
    """Whether a value is the name of a model, of its usage on a bill, or of a region, and nothing else."""
    if len(text) > 128 or " " in text or "@" in text:
        return False
    named = _MODEL.search(text) or _USAGE_TYPE.fullmatch(text)
    return bool(_REGION.fullmatch(text)) or (named is not None and _is_of_model_words(text))


def _is_of_model_words(text: str) -> bool:
    return all(
        len(piece) < 9 if piece.isdigit() else len(piece) == 1 or piece.lower() in model_words()
        for word in re.findall(r"[^\W_]+", text)
        for piece in pieces_of(word)
    )
