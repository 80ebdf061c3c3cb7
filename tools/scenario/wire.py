"""What each hop hands to the next: headers of the service, what nginx sets, what the gateway forwards.

A defect changes one function here, so whatever a later hop lacks follows from the hop before it. It writes
no file.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.scenario.calls import Call
from tools.scenario.lanes import ACCOUNT, PROFILE, Defect


@dataclass(frozen=True)
class Wire:
    """The path of every call through the hops, with these defects planted."""

    defects: frozenset[Defect]

    def hits(self, call: Call, defect: Defect) -> bool:
        """Whether a defect is planted and befalls this call."""
        if defect not in self.defects or call.lane.defect is not defect:
            return False
        if defect is Defect.STREAMS_LOST:
            return call.leaves
        return defect is not Defect.TENANT_CHANGED or call.tenant != "acme"

    def headers(self, call: Call) -> dict[str, str]:
        """What the service sends with its request."""
        team = "X-Squad" if self.hits(call, Defect.TEAM_RENAMED) else "X-Team-ID"
        sent = {
            "X-Tenant-ID": call.tenant,
            team: call.lane.team,
            "X-Workflow-ID": call.lane.workflow,
            "X-Session-ID": call.session,
            "X-User-ID": call.user,
            "X-Request-ID": call.request_id,
        }
        if self.hits(call, Defect.WORKFLOW_DROPPED):
            del sent["X-Workflow-ID"]
        return sent

    def request_id(self, call: Call) -> str:
        """The request id behind nginx: the caller's, or nginx's own where its location sets that."""
        return call.proxy_ids[0] if self.hits(call, Defect.ID_REGENERATED) else call.request_id

    def spend_metadata(self, call: Call) -> dict[str, str]:
        """The spend log metadata of the gateway: what nginx put into its header, then what the key adds."""
        headers = self.headers(call)
        held = {
            "tenant_id": headers["X-Tenant-ID"],
            "workflow_id": headers.get("X-Workflow-ID", ""),
            "session_id": headers["X-Session-ID"],
            "request_id": self.request_id(call),
        }
        if self.hits(call, Defect.TENANT_DROPPED):
            del held["tenant_id"]
        if self.hits(call, Defect.TENANT_CHANGED):
            held["tenant_id"] = "acme"
        return held

    def request_metadata(self, call: Call) -> dict[str, str] | None:
        """The request metadata that the gateway sends to Bedrock: the key's identity, then the caller's."""
        if self.hits(call, Defect.METADATA_KEPT_BACK):
            return None
        identity = {"user_api_key_team_id": call.lane.team, "user_api_key_end_user_id": call.user}
        return identity | self.spend_metadata(call)

    def invoked(self, call: Call) -> str:
        """The model id or profile that Bedrock is asked for."""
        return PROFILE if self.hits(call, Defect.PROFILE_UNTAGGED) else call.lane.model.id

    def reaches_gateway_log(self, call: Call) -> bool:
        """Whether the gateway writes a row of the answer; a broken stream leaves none."""
        return not self.hits(call, Defect.STREAMS_LOST)

    def reaches_provider_log(self, call: Call) -> bool:
        """Whether Bedrock writes its log where the call was sent."""
        return not self.hits(call, Defect.LOGGING_OFF)


def principal(call: Call) -> str:
    """The role session in which the gateway calls Bedrock: one for each tenant and team, by virtual key."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/llm-gateway/{call.tenant}-{call.lane.team}"


def usd(nano: int) -> float:
    """Nano-dollars as a log writes them."""
    return nano / 1e9
