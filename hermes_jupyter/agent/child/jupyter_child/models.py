"""Models without their providers' addresses, and a switch of one session that tells its window."""

from __future__ import annotations

from typing import Any

from .gauge import gauge
from .methods import BUSY, INVALID, add_slow


def install(server: Any) -> None:
    """Add the methods."""
    from hermes_constants import VALID_REASONING_EFFORTS

    efforts = ["none", *VALID_REASONING_EFFORTS]
    stock_options, stock_set = server._methods["model.options"], server._methods["config.set"]

    def options(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """What there is to choose from, and how hard a model may be told to think."""
        reply = dict(stock_options(rid, params))
        if "result" in reply:
            reply["result"]["efforts"] = efforts
            reply["result"] |= chosen(server._sessions.get(params.get("session_id", "")))
        return reply

    def switch(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Change the model of a session, how hard it thinks, or both; for this session alone."""
        session, error = server._sess(params, rid)
        reply: dict[str, Any] = {}
        if not error and params["model"]:
            value = f"{params['model']} --session"
            if params["provider"]:
                value += f" --provider {params['provider']}"
            expensive = {"confirm_expensive_model": params["confirmed"]}
            reply = stock_set(rid, {**params, "key": "model", "value": value, **expensive})
            error = reply if "error" in reply else None
        asked = reply.get("result", {}).get("confirm_required")
        if not error and not asked and params["reasoning"]:
            if session.get("running"):
                error = server._err(rid, BUSY, "busy")
            elif params["reasoning"] not in efforts:
                # Hermes takes words here that change the person's configuration.
                error = server._err(rid, INVALID, f"{params['reasoning']} is no effort")
            else:
                thinks = stock_set(
                    rid, {**params, "key": "reasoning", "value": params["reasoning"]}
                )
                error = thinks if "error" in thinks else None
        if error:
            return dict(error)
        told = {"gauge": gauge(session["agent"]), **chosen(session)}
        return dict(server._ok(rid, {**reply.get("result", {}), **told}))

    def chosen(session: dict[str, Any] | None) -> dict[str, Any]:
        agent = (session or {}).get("agent")
        if agent is None:
            return {}
        info = server._session_info(agent, session)
        names = {"model": "model", "provider": "provider", "reasoning": "reasoning_effort"}
        return {name: info[entry] for name, entry in names.items()}

    add_slow(server, "jupyter.models", options)
    add_slow(server, "jupyter.session.switch", switch)
