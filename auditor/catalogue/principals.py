"""IAM principals by the grammar of their ARNs: kind, role, session, and the kind of session name."""

from __future__ import annotations

import re

import polars as pl

_ROLE = r"^arn:aws[\w-]*:sts::\d{12}:assumed-role/([^/]+)/?"
_SESSION = r"^arn:aws[\w-]*:sts::\d{12}:assumed-role/[^/]+/(.+)$"
_USER = r"^arn:aws[\w-]*:iam::\d{12}:user/(?:.+/)?([^/]+)$"
_IAM_ROLE = r"^arn:aws[\w-]*:iam::\d{12}:role/(?:.+/)?([^/]+)$"
_FEDERATED = r"^arn:aws[\w-]*:sts::\d{12}:federated-user/(.+)$"
GATEWAY = r"(?i)gateway|gw\b|litellm|proxy|task-?role|taskrole|ecs|llm|portkey|shared"

# session names that nobody chose; the first match decides
SESSION_KINDS = (
    ("email", r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"),
    ("instance_id", r"^i-[0-9a-f]{8,17}$"),
    ("uuid", r"(?i)^(?:BedrockAgentCore-)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
    ("uuid", r"(?i)^[0-9a-f]{32}$"),
    ("sdk_default", r"(?i)^(?:botocore-session-|aws-sdk-|aws-go-sdk-|awscli-session-|boto3-session-)"),
    ("epoch", r"^\d{10,19}$"),
    ("function", r"(?i)^(?:lambda|awslambda|[\w-]+-(?:prod|dev|staging)-[\w-]+-[A-Za-z0-9]{8,})"),
)


def columns(arn: pl.Series) -> dict[str, pl.Series]:
    """`principal_kind`, `principal_role`, `principal_session` and `session_kind` of each ARN."""
    # few principals make many calls: each ARN is parsed once
    every = pl.DataFrame({"arn": arn.cast(pl.String)})
    frame = every.unique(maintain_order=True)
    text = pl.col("arn")
    user, session = text.str.extract(_USER, 1), text.str.extract(_SESSION, 1)
    role = pl.coalesce(text.str.extract(_ROLE, 1), text.str.extract(_IAM_ROLE, 1))
    kind = (
        pl.when(user.str.starts_with("BedrockAPIKey-"))
        .then(pl.lit("api_key_user"))
        .when(user.is_not_null())
        .then(pl.lit("user"))
        .when(role.str.starts_with("AWSReservedSSO_"))
        .then(pl.lit("sso"))
        .when(role.is_not_null())
        .then(pl.lit("assumed_role"))
        .when(text.str.contains(_FEDERATED))
        .then(pl.lit("federated"))
        .when(text.str.ends_with(":root"))
        .then(pl.lit("root"))
    )
    expr: pl.Expr = pl.when(session.is_not_null()).then(pl.lit("meaningful"))
    for name, pattern in reversed(SESSION_KINDS):
        expr = pl.when(session.str.contains(pattern)).then(pl.lit(name)).otherwise(expr)
    parts = frame.select(
        "arn",
        kind.alias("principal_kind"),
        role.alias("principal_role"),
        session.alias("principal_session"),
        expr.alias("session_kind"),
    )
    out = every.join(parts, on="arn", how="left", nulls_equal=True, maintain_order="left").drop("arn")
    return {name: out[name] for name in out.columns}


def gateway_like(role: pl.Series) -> pl.Series:
    """Whether a role name looks like that of a gateway, which many callers share."""
    return role.cast(pl.String).str.contains(GATEWAY).fill_null(False)


def user_of(arn: str) -> tuple[str, str] | None:
    """(`user`, name) of an IAM user's ARN, or (`session`, name) of a session's; None for neither."""
    for pattern in (_USER, _SESSION, _FEDERATED):
        match = re.match(pattern, arn)
        if match:
            return ("user" if pattern is _USER else "session", match[1])
    return None
