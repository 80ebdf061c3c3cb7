"""What makes a span a model call, in every vocabulary that real instrumentations write.

It knows names only; whether a wrapper repeats a call is settled later, over the whole trace.
"""

from __future__ import annotations

CALL_MARKS: dict[str, frozenset[str]] = {
    "gen_ai.operation.name": frozenset({"chat", "text_completion", "embeddings", "generate_content"}),
    "rpc.service": frozenset({"Bedrock Runtime", "BedrockRuntime"}),
    "openinference.span.kind": frozenset({"LLM", "EMBEDDING"}),
    "llm.request.type": frozenset({"chat", "completion", "embedding", "rerank"}),
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
# outer spans that repeat the usage of their inner call, or stand for a whole agent
NOT_CALL_NAMES = ("invoke_agent", "create_agent", "execute_tool", "invoke_workflow")
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
