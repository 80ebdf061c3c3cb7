"""What makes a span a model call, in every vocabulary that real instrumentations write.

It knows names only; whether a wrapper repeats a call is settled later, over the whole trace.
"""

from __future__ import annotations

import re

# LiteLLM writes its call type where others write the operation; `a…` are its asynchronous twins
_LITELLM = frozenset(
    """completion acompletion text_completion atext_completion embedding aembedding responses aresponses
    anthropic_messages rerank arerank image_generation aimage_generation transcription atranscription
    speech aspeech""".split()
)
# an asynchronous twin is the same operation
TWINS = {f"a{name}": name for name in _LITELLM if f"a{name}" in _LITELLM}
CALL_MARKS: dict[str, frozenset[str]] = {
    "gen_ai.operation.name": _LITELLM | {"chat", "embeddings", "generate_content", "multimodal_completion"},
    "rpc.service": frozenset({"Bedrock Runtime", "BedrockRuntime"}),
    "openinference.span.kind": frozenset({"LLM", "EMBEDDING"}),
    "llm.request.type": _LITELLM | {"chat", "rerank"},
    "langfuse.observation.type": frozenset({"generation", "embedding", "GENERATION", "EMBEDDING"}),
    "mlflow.spanType": frozenset({'"LLM"', '"CHAT_MODEL"', '"EMBEDDING"', "LLM", "CHAT_MODEL", "EMBEDDING"}),
    "langsmith.span.kind": frozenset({"llm", "LLM"}),
    "ai.operationId": frozenset(
        {
            "ai.generateText.doGenerate",
            "ai.streamText.doStream",
            "ai.generateObject.doGenerate",
            "ai.streamObject.doStream",
            "ai.embed.doEmbed",
            "ai.embedMany.doEmbed",
        }
    ),
}
# kinds of span that are no call, even where they repeat a model and the usage of the calls below them
OTHER_MARKS: dict[str, frozenset[str]] = {
    "gen_ai.operation.name": frozenset({"invoke_agent", "create_agent", "execute_tool", "invoke_workflow"}),
    "openinference.span.kind": frozenset(
        {"CHAIN", "AGENT", "TOOL", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR", "PROMPT", "DECISION"}
    ),
    "ai.operationId": frozenset(
        {
            "ai.generateText",
            "ai.streamText",
            "ai.generateObject",
            "ai.streamObject",
            "ai.embed",
            "ai.embedMany",
            "ai.toolCall",
        }
    ),
}
# outer spans that repeat the usage of their inner call, or stand for a whole agent
NOT_CALL_NAMES = ("invoke_agent", "create_agent", "execute_tool", "invoke_workflow")
# LiteLLM's exchange with the provider: where its own span of the call is missing, the only trace of it
CALL_NAMES = ("raw_gen_ai_request",)
# what that exchange writes of the provider's own body: `llm.openai.usage`, `llm.anthropic.id`
WIRE_KEY = re.compile(r"^llm\.(?!usage\.|request\.|response\.|headers\.)\w+\.(usage|id|user)$")
# operations of the runtime service that invoke no model
NOT_INFERENCE = frozenset({"ApplyGuardrail", "CountTokens", "GetAsyncInvoke", "ListAsyncInvokes"})
# usage and cost that some SDKs write as JSON text
JSON_USAGE = frozenset(
    {
        "langfuse.observation.usage_details",
        "langfuse.observation.cost_details",
        "mlflow.chat.tokenUsage",
        "mlflow.llm.cost",
    }
)
USAGE_FIELDS = frozenset({"tokens_input", "tokens_output", "tokens_total"})
ENDPOINT_KEYS = frozenset(
    {"server.address", "net.peer.name", "url.full", "http.url", "http.host", "rpc.endpoint", "peer.hostname"}
)
