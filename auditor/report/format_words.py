"""The words of formats that a report shows: keys whose values it shows, names of paths, and plain values.

A key or a value that is in no list here, and that no field explains, is masked.
"""

from __future__ import annotations

import re

# whole keys, normalised, without the containers around them: their values identify nobody
SHOWN = frozenset(
    """
    ai_model ai_org ai_proxy_meta_provider_name ai_proxy_meta_request_model ai_proxy_meta_response_model
    aws_operation bedrock_request_model bedrock_request_model_provider billing_currency call_type
    charge_category charge_class charge_frequency charge_type cloud_provider cloud_region consumed_unit
    content_type cost_currency currency dd_base_service dd_llmobs_model_name dd_llmobs_span_kind
    deployment_model endpoint_type error_code error_type event_source event_version exception_type
    finish_reason finish_reasons gen_ai_operation_name gen_ai_output_type gen_ai_response_finish_reason
    gen_ai_response_finish_reasons http_method http_request_method invocation_params_model
    line_item_currency_code line_item_line_item_type line_item_operation line_item_product_code
    line_item_type line_item_usage_type ls_model_name ls_model_type ls_provider model_group model_name
    model_provider model_type modelid native_finish_reason openinference_span_kind operation operation_name
    otel_library_name otel_scope_name pricing_currency pricing_term pricing_unit product_product_family
    product_product_name product_region product_region_code provider provider_name
    provider_options_aws_region provider_options_provider publisher_name region_name request_content_type
    request_model request_type response_content_type response_model rpc_method rpc_service rpc_system
    rpc_system_name run_type schema_type schema_url schema_version scope_name service service_category
    service_name service_subcategory severity_text span_kind span_name span_type stop_reason usage_type
    """.split()
)

# the last word of a key under which plain words are shown
ENDS = re.compile(
    r"(?i)(?:^|[._/→\]]|(?<=[a-z]))"
    r"(?:status|level|type|kind|event|environment|env|stage|mode|method|stream|hit|outcome)$"
)

# what formats write as a level, kind, stage, outcome, provider or name of a model's operation
VALUES = frozenset(
    """
    200 201 202 204 400 401 403 404 408 409 413 422 424 429 499 500 502 503 504 529 aborted acompletion
    active amazon anthropic api assumed atext aws azure bedrock begin call calls canceled cancelled chain
    chat client code cohere complete completed completion completions consumer converse credit critical
    debug default delete denied dev development disabled do done embed embedding embeddings enabled end
    ended error event exceeded fail failed failure false fatal federated fee finished gcp generate
    generation get go google groq grpc head http https iam inactive inference info information internal
    invoke java kind limit limited litellm llm local message messages meta mistral model models no node none
    notice null observation off ok ollama on openai options patch pending post preprod prod producer
    production prompt put python qa queued rate refund request requests reranker response responses
    retriever retry retrying role root rpc running runtime sandbox segment server severe span stage staging
    start started status stream streaming subsegment succeeded success successful tax test testing text
    throttled throttling timeout tool trace true uat unset unspecified usage vertex warn warning yes
    """.split()
)

# words that are a segment of a path by themselves
WHOLE = frozenset(
    """
    account accounts additionaleventdata ai annotations anthropic arn attempt attempts attribute attributes
    authorization authorizer aws azure backend baggage batches bedrock body call callbacks calls cause choices
    claims client code completion completions config consumer content context cookies cost costs count counts
    created credential credentials customer customers data datapoints date db default detail details
    dimensions document documents duration end ended entity error errors event events exception exceptions
    extra fields flags frontend gateway gen generation generations header headers hits host hostname http id
    identity ids index info input inputs items key keys kind kong kwargs labels langfuse latencies latency
    level library line lines link links litellm llm log logrecords logs mdc message messages meta metadata
    method metric metrics mode model models msg name number object observations openai openinference operation
    options otel output outputs owner owners parameters params patch path paths payload plugin port post
    principal process processes prompt properties protocol provider providers proxy queues raw rawspan reason
    receive record records references region regions request requestparameters requests resource
    resourceattributes resourcelogs resourcemetrics resources resourcespans response responseelements
    responses result results retries role roles route router row rows rpc run runs runtime scope scopelogs
    scopemetrics scopes scopespans sdk segments server service services session sessioncontext sessionissuer
    sessions signature source span spans start started state status stop stream streamed subsegments tag tags
    team teams temperature tenant tenants test text throttle time timers timestamp token tokens total trace
    traces tries type updated upstream uri url usage user useridentity users value values variant version
    versions warnings workspace
    """.split()
)

# words that are only part of segments of several words
PARTS = frozenset(
    """
    1h 5m a above accept access actor adaptive addr address after all always and annotation answer apm applied
    array asked assistant at attributes audio auth authenticated authorization authorizer available average
    avg backend base baseline batch bearer before beta bill billing body bool box breakdown breakpoint build
    built by byok byte bytes caching calling calls captured cause character charge chat choice choices chunk
    chunks cipher class cloud cluster codes cold config connection consumed content context contracted
    converse cookies core counter counts created creator credit currency current date day debug decision
    default description diagnostic dimension dimensions disabled discount dotted double dropped duration
    effort elements embed embedding endpoints entry envoy ephemeral epoch errors errortype estimate estimator
    eval event events exceptions experiment extra failed failure fallback fallbacks family fields file final
    fingerprint finish first fixed flags flex for format formats forwarded framing free frequency from
    generated generations grounding groups guardrail guardrails hash hidden high hit hook hour human image
    index info information injected inputs instrumentation int integration interval invoice ip is json kind
    kwargs langchain last latencies lc legacy length level levels library limit link list llmobs local
    location low ls managed management map maps margin max mcp medium memory message messages meta method mfa
    min modality mode models moderation msg multiplier namespaced nano new no non none normalized ns object
    observed of off ok on only openinference operation option options order origin outputs overhead override
    page parallel parameters params parts payer payload peak per percent period permaslug pixel plugin port
    pricing priority processing progress protocol provided publisher quantity query quota rate raw reason
    reasons receive received ref references referer refs regional requests reset residency resources responses
    rest result root route router routing rows rpm rubeus runtime sampling savings schema scope search second
    seconds secret self sent server severity short signature size sku specific spillover standard start
    started state stop storage store str stream streamed streaming string structured success successful suite
    supported target temperature text throttle tier time timer timestamp tls to tokenizer tool tools top tpm
    traceback trail transformed transport tries ts ttl unix untransformed uri url us used user value values
    variant vector verified version versions watch web window with without zero
    """.split()
)

# fields whose values follow their name in a route: `/tenants/acme`
PEOPLE = frozenset(
    "tenant_id team_id user_id session_id account_id cost_center iam_principal request_id trace_id".split()
)
