"""The words that redaction keeps: of formats, rules and the catalogue, and common words of log lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import load_rules
from auditor.readers.registry import FAMILIES, all_formats

# modules whose constants are words of formats; other framers list words of prose, the engine its messages
_MODULES = (
    "auditor.framing.http_messages",
    "auditor.framing.ids",
    "auditor.framing.key_value",
    "auditor.framing.nested",
    "auditor.framing.printed_objects",
    "auditor.framing.segments",
    "auditor.framing.log_lines",
    "auditor.framing.tables",
    "auditor.framing.times",
    "auditor.framing.wrappers",
    "auditor.readers.dispatch",
    "auditor.readers.signatures",
)
_PACKAGES = tuple(f"auditor.readers.{name}." for name in (*FAMILIES, "shared"))
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,}")
_LITERAL = re.compile(r"'([^']+)'")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LETTERS = re.compile(r"[A-Za-z]+")
_COUNTED = re.compile(r"\d+[A-Za-z]{0,3}|[A-Za-z]\d{1,3}")

# English of log lines and error messages; no first name, no family name, no place
_COMMON = """
about above accept accepted access account action active actual add added address after again against all
allow allowed already also although always an and another any api app application are argument array as at
attach attempt attempts authentication authorization available await aws azure back backend backoff bad base
be because been before began begin behind being below best better between body bool boot booted both budget
buffer build built bucket but by byte bytes cache cached call called caller calling calls can cancel
canceled cancelled cannot capacity caused cert certificate change changed channel character charge check
checked child choose chunk class clear client clock close closed cloud cluster code collect column command
commit common complete completed completion compute config configuration configured connect connected
connection console contact container contains content context continue contract control convert copy core
corrupt cost could count create created credential credentials critical current custom customer data
database date day days deadline debug declined default delay delete deleted denied deny department deploy
deployment deprecated desc describe description destination detail details detected dev development device
did different digest direct directory disabled disconnect dispatch display division do does domain done down
download drop dropped due dump duplicate duration during each early edge edit either else embed email empty
enable enabled encode encoding encountered end ended endpoint engine enough entity entry env environment
error errors event events every example exceed exceeded exceeds except exception exec execute executed
execution exists exit exited expected expired expires explicit export extra fail failed fails failure fall
fallback false family fast fatal feature few fetch field file files filter final find finish finished first
flag floating flush folder follow for forbidden force format forward found free from full function future
gateway gave general generate generated generic get getting given global go got greater group guard
guardrail had handle handled handler hash has have header headers health healthy hello help here hidden high
hit hold hook host hour hours how however http https id ids idle if ignore ignored image immediately import
in inactive include included incomplete incorrect index info information init initial initialize input
insert inside instance instead insufficient int integer interface internal interrupted interval into invalid
invocation invoke invoked is issue issued it item items its itself job join just keep key keys kind
knowledge known label language large last late latency latest layer lead least leave left legacy length less
let level library license like limit limited limits line link list listen load loaded loading local location
lock log logged logger login logs long longer look loop lost low main maintenance make malformed manage
manager many map mapping match maximum may maybe me mean media memory merge message messages metadata meter
method metric metrics middle might millisecond milliseconds minimum minute minutes mismatch missing mode
model module moment monitor month more most mount move multiple must my name named names namespace native
near need needed negative nested network never new next no node none nor not note nothing notice now null
number object observed occurred of off offline ok old on once one online only open opened operation operator
option optional or order organization origin original other our out output over overflow overload overloaded
own owner owned package page paid pair parallel parameter parameters parent parse parsed parsing part
partial party pass passed password path pattern pause payload pending per percent perform performed period
permission permissions permitted person persist phase ping pipeline place plan platform please plugin point
policy poll pool port position possible post pre prefix prepare present previous primary print prior
priority private probe problem process processed processing product production profile project prompt
property protected protocol provide provided provider proxy public publish publisher pull purchase push put
query queue queued quota quotas random range rate rates rather raw reach reached read reader ready real
reason receive received recent reconnect record recover recv redirect reduce reference refresh refused
region regional register reject rejected related release reload remote remove removed render repeat replaced
reply report request requested requests require required requires reserved reset resolve resolved resource
response responses rest restart restricted result results resume retried retries retry retrying return
returned returns revoked role root route routed router row rule run running runtime safe same sample save
saved scale scan schedule scheduled schema scope search second seconds secret section secure see seen
segment select send sending sent separate sequence server service services session set setting settings
setup several shared should show shutdown sign signature signed simple since single site size sized skip
skipped sleep slow small so socket software some soon source space span special specified spend spent split
stable stack stage start started starting starts state status step still stop stopped storage store stream
streaming strict string structure sub subject submit subscription success successful successfully such
suffix suggest summary support supported system table tag tags take taken target task team temporary tenant
terminated test text than that the their them then there these they thing this thread three threshold
throttle throttled throttling through throw thrown throughput ticket tier time timed timeout times timestamp
tls to together token tokens too tool tools top total trace traceback tracing track traffic transaction
transfer transport trial tried trigger triggered true try trying turn two type types unable unauthorized
unavailable unauthenticated under unexpected unhandled unhealthy unique unit unknown unlimited unprocessable
unreachable unrecognized unsupported until unused up update updated upload upstream url usage use used user
users uses using usual utc valid validate validated validation value values variable verify version very via
view violated violation wait waiting want warn warning was way we web week well went were what when where
whether which while who whole whose why will window with within without work worker workflow workspace would
write written wrong year yes yet you your zero zone acl aggregation algorithm alert analysis annotation
approval arch archive area artefact artifact assessment asset assumed attachment audience author authorized
avg balance balancer based baseline bearer beacon billable blob booking bounds brand browser calculation
campaign capability catalog certified cfg charset checksum checkpoint city compliance connector consent
consumed contributor corpus correlation coupon cpu crc cron cursor cutoff dashboard dataset decision delta
demo dependency depth diff dimension discovery distribution dns edition employee encryption enrichment
entitlement errorfactory escalation estimate evaluation eventstream expiration expiry factor finance finding
fingerprint fleet flow form forecast fragment framework frequency friendly geo gpu grade grid heartbeat hint
history hosted hrs identity impl incident ingest ingestion ingress inline insight integration intent
interaction internals inventory invoice isolation iteration kube lang latitude ledger lifecycle lineage
locale longitude lookup machine mail mailbox management manifest market marketing markup measure meeting mfa
migration milestone mobile moderation monthly multiplier normalised normalized notification numeric
observability offset orchestrator ordinal originator overhead override packed pagination paragraph
participant partition passage patch pct people phone pip pixel playbook portal precision prediction
preference premium preset preview procedure producer profit promo promotion protection provenance
provisioning purpose quality quantity querystring questions rank rating ratio reasoning recipient
recommendation referral reviewed review revision reservation residency retention retrieval revenue risk
rollout rounds rpc runbook sales salary sampler sampling scanned score secondary security seed semantic
sensitivity sentiment seq severity shard shipment sigv4 similarity sink skill sla slot smithy snapshot
snippet solution speech sprint stakeholder startup statement statistic stats strategy street subnet subtotal
suite supplier survey switch sync synthetic synthesis technical telephony temperature template temporality
tenancy terminal theme timezone tracer tracker trailer train transcript transcription translation transform
transient triage ttl tuning unset unsigned uptime urgency urlencoded util utils variance variant variation
vector vendor verdict vertical virtual visibility visit vnd volume vote warehouse weekly weight widget
workload xmlns zip adaptive amazon anthropic assistant asgi async asyncio awslambda bedrock boto boto3
botocore celery claude cli converse datadog django docker ec2 ecs eks envoy exporter fargate fastapi flask
gc gcp gemini github gpt grpc gunicorn haproxy hex helicone http2 httpx iam instrumentation ip ipv4 ipv6
istio java javascript json jwt k8s kong kubernetes lambda langchain langfuse linux litellm llm llms macos md
mcp meta mistral mlflow nginx nodejs nova ocr openai opentelemetry otel otlp pid pod portkey py python rag
rds redis ruby rust sagemaker sdk sdks sql sqs ssl sse sso stderr stdout stdin sts tcp terraform titan tpm
rpm tps ua udp ui unix urllib3 utf uuid uvicorn vertex vpc websocket wsgi xml xray yaml zipkin am pm jan feb
mar apr jun jul aug sep oct nov dec mon tue wed thu fri sat sun gmt est pst cet monday tuesday wednesday
thursday friday saturday sunday january february march july august september october november december ms ns
us kb mb gb tb kib mib gib usd eur gbp cents dollar dollars summarize summarise classify translate chat
agent agents embedding embeddings rerank completions
"""
_MODELS = """
claude sonnet haiku opus instant nova lite micro pro premier canvas reel sonic titan express text embed
image video audio gpt turbo mini nano omni preview latest chat instruct base large small medium tiny big
flash ultra gemma gemini llama mistral mixtral ministral magistral codestral devstral pixtral command plus
jamba deepseek qwen coder reasoner thinking thinker grok phi whisper davinci babbage ada dall tts realtime
search multilingual english light vision experimental exp scout maverick guard moonshot kimi glm zai minimax
nemotron palmyra writer luma ray stable diffusion stability twelvelabs pegasus marengo oss codex deep
research anthropic amazon meta cohere ai21 openai google bedrock azure vertex xai nvidia us eu apac global
au jp ca sa gov in ap il use usw euw euc apn aps cas mlm it
"""
STAGES = frozenset(
    "dev development test testing qa uat staging stage sandbox preprod prod production local".split()
)


@cache
def known_words() -> frozenset[str]:
    """Every word that a framer or a reader compares with: it belongs to a format, not to a customer."""
    words = {fmt.name for fmt in all_formats()}
    modules = [
        *map(import_module, _MODULES),
        *(m for n, m in list(sys.modules.items()) if n.startswith(_PACKAGES)),
    ]
    for module in modules:
        for attribute, value in vars(module).items():
            words.update(() if attribute.startswith("__") else _strings_in(value))
    return frozenset(word.lower() for word in words)


def _strings_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The strings in a constant: of containers, of patterns, of the code of functions."""
    if depth > 4:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, re.Pattern):
        yield from _WORD.findall(str(value.pattern))
    for inner in _items(value):
        yield from _strings_in(inner, depth + 1)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, FunctionType):
        return (value.__code__,)
    if isinstance(value, CodeType):
        return value.co_consts[1:]
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()


@cache
def rule_words() -> frozenset[str]:
    """Every word that a rule compares with: `root`, `handler`, `default_user_id` …"""
    return frozenset(word.lower() for rule in load_rules() for word in _LITERAL.findall(rule.when))


@cache
def vocabulary() -> frozenset[str]:
    """Single words: those in the keys of formats and fields, and the common ones, in lower case."""
    spelled = {*known_words(), *rule_words()}
    for field in catalogue().fields.values():
        spelled.update((field.name, *field.aliases, *field.exact_only, *field.weak, *field.not_))
    pieces = {piece for text in spelled for piece in _LETTERS.findall(" ".join(_PIECE.findall(text)))}
    whole = {word for word in spelled if word.isalnum()}
    return frozenset(w.lower() for w in (*pieces, *whole, *_COMMON.split(), *STAGES) if len(w) > 1)


@cache
def model_words() -> frozenset[str]:
    """The words of which names of models are made."""
    return frozenset(_MODELS.split()) | vocabulary()


def pieces_of(word: str) -> list[str]:
    """`NovaLite2` as `Nova`, `Lite` and `2`; a word with other letters than ASCII's is one piece."""
    return _PIECE.findall(word) if word.isascii() else [word]


def is_common(word: str) -> bool:
    """Whether a run of letters and digits is made of words that name nobody."""
    if len(word) == 1 or _is_known(word) or _COUNTED.fullmatch(word):
        return True
    return all(len(p) < 5 if p.isdigit() else _is_known(p) for p in pieces_of(word))


def _is_known(word: str) -> bool:
    lower = word.lower()
    return lower in vocabulary() or (len(lower) > 3 and lower[-1] == "s" and lower[:-1] in vocabulary())
