"""Titles and the archive of sessions that are not open, and the stored name of a branch."""

from __future__ import annotations

from typing import Any

from .methods import TITLE, add_slow


def install(server: Any) -> None:
    """Add the methods."""
    stock_branch = server._methods["session.branch"]

    def rename(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Give a stored session another title."""
        try:
            server._get_db().set_session_title(params["session_id"], params["title"])
        except ValueError as error:
            return dict(server._err(rid, TITLE, str(error)))
        return dict(server._ok(rid, {"status": "ok"}))

    def archive(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Put stored sessions away, or take them back."""
        for session_id in params["session_ids"]:
            server._get_db().set_session_archived(session_id, params["archived"])
        return dict(server._ok(rid, {"status": "ok"}))

    def branch(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Branch a session, and say under which name the branch is stored."""
        reply = dict(stock_branch(rid, params))
        if "result" in reply:
            session = server._sessions[reply["result"]["session_id"]]
            reply["result"]["stored_session_id"] = session["session_key"]
        return reply

    add_slow(server, "jupyter.session.rename", rename)
    add_slow(server, "jupyter.session.archive", archive)
    add_slow(server, "jupyter.session.branch", branch)
