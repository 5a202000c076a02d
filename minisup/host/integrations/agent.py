"""What the ECS agent is asked about the task that minisup runs in, and what its answer means.

`PUT $ECS_AGENT_URI/task-protection/v1/state` answers one of three objects: `protection` (what holds now), `failure`
(the task cannot be protected) or `error` (the agent's own request to ECS went wrong).
"""

import json
from collections.abc import Mapping
from typing import Final

from minisup.host.integrations.http_call import HttpAnswer
from minisup.probes.number import sayable

VARIABLE: Final = "ECS_AGENT_URI"
PATH: Final = "/task-protection/v1/state"
METHOD: Final = "PUT"

MINUTES: Final = 15
"""How long the agent is told to protect the task, from each request on: what is left if minisup cannot take it back."""

_OK: Final = 200
_LONGEST: Final = 200


def protection_url(environ: Mapping[str, str]) -> str:
    """Where task protection is asked for; empty when this is no ECS task."""
    uri = environ.get(VARIABLE, "").rstrip("/")
    return uri + PATH if uri.startswith(("http://", "https://")) else ""


def wish(on: bool) -> bytes:
    """The body of a request."""
    asked: dict[str, object] = {"ProtectionEnabled": on}
    if on:
        asked["ExpiresInMinutes"] = MINUTES
    return json.dumps(asked).encode()


def trouble(answer: HttpAnswer, on: bool) -> str:
    """Why the wish for `on` was not granted, in a few words; empty: it was. No answer makes it raise."""
    if answer.error:
        return sayable(answer.error)
    said = _object(answer.body)
    for name, code, text in (("failure", "Reason", "Detail"), ("error", "Code", "Message")):
        found = said.get(name)
        if isinstance(found, dict):
            words = [sayable(found[key]) for key in (code, text) if isinstance(found.get(key), str)]
            return ": ".join(word for word in words if word)[:_LONGEST] or name
    if answer.status != _OK:
        return f"the answer was HTTP {answer.status}"
    held = said.get("protection")
    if not isinstance(held, dict) or held.get("ProtectionEnabled") is not on:
        return f"the answer does not say that protection is {'on' if on else 'off'}"
    return ""


def _object(body: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
