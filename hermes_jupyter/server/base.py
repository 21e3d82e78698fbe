"""What all handlers share: the core, errors as JSON, and a body that is an object."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider
from jupyter_server.base.handlers import APIHandler
from tornado import web

from ..core.core import Core
from ..core.errors import BadRequest, Conflict, CoreError, NotFound, TooLarge, Unavailable
from ..core.question import Answerer

#: What Jupyter's authorizers are asked about; the action is read, write or execute.
AUTH_RESOURCE = "hermes"

#: The key of the core in the web application's settings.
CORE = "hermes_core"

#: Seconds after which a page may try again what the agent was not ready for.
RETRY_AFTER = 5

_STATUS: dict[type[CoreError], int] = {
    BadRequest: 400,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Unavailable: 503,
    CoreError: 500,
}

Verb = TypeVar("Verb", bound=Callable[..., Any])


def authorized_to(action: str) -> Callable[[Verb], Verb]:
    """``@authorized`` for another action than the one the verb stands for."""
    return cast(Callable[[Verb], Verb], authorized(action))


def status_of(error: CoreError) -> int:
    """The HTTP status of an error of the core."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


class HermesHandler(APIHandler):
    """Base of all handlers; each verb is decorated in the leaf class.

    On a base method, ``@authorized`` would keep the resource of the first subclass that ran.
    """

    auth_resource = AUTH_RESOURCE

    @property
    def core(self) -> Core:
        """The state of this server."""
        return cast(Core, self.settings[CORE])

    def body(self) -> dict[str, Any]:
        """The request's body, an object; nothing is an empty one.

        Raises:
            BadRequest: it is not JSON, or not an object.
        """
        if not self.request.body:
            return {}
        try:
            body = json.loads(self.request.body)
        except ValueError as error:
            raise BadRequest(f"The body is not JSON: {error}", code="bad_json") from error
        if not isinstance(body, dict):
            raise BadRequest("The body must be a JSON object.", code="bad_json")
        return body

    def text(self, body: dict[str, Any], name: str) -> str | None:
        """An optional text of the body.

        Raises:
            BadRequest: it is there and not a text.
        """
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"`{name}` must be a text.", code="bad_type")
        return value

    def needed_text(self, body: dict[str, Any], name: str) -> str:
        """A text that the body must have.

        Raises:
            BadRequest: it is missing or not a text.
        """
        value = self.text(body, name)
        if value is None:
            raise BadRequest(f"`{name}` is missing.", code="missing_field")
        return value

    def answerer(self, body: dict[str, Any]) -> Answerer:
        """Who acts: the person as Jupyter knows them, and how the client calls itself."""
        user = self.current_user
        # On a plain server everybody is the one owner, under an invented name.
        plain = type(self.identity_provider) in (IdentityProvider, PasswordIdentityProvider)
        name = "" if plain else getattr(user, "display_name", None) or user.username
        return Answerer(client=(self.text(body, "client") or "api")[:40], user=name)

    def reply(self, body: dict[str, Any], status: int = 200) -> None:
        """Answer with an object."""
        self.set_status(status)
        self.finish(json.dumps(body))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is not told to the caller in full."""
        if isinstance(value, CoreError):
            self.log.debug("%s %s: %s", self.request.method, self.request.path, value.message)
        else:
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every error as ``{"error": {code, message, hint?}}``."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, CoreError):
            status_code = status_of(error)
            body = error.to_json()
        else:
            body = {"code": _CODES.get(status_code, "error"), "message": self._message(error)}
        if status_code == 503:
            self.set_header("Retry-After", str(RETRY_AFTER))
        self.set_header("Content-Type", "application/json")
        self.reply({"error": body}, status_code)

    def _message(self, error: BaseException | None) -> str:
        if isinstance(error, web.HTTPError):
            return str(error.log_message or error.reason or self._reason)
        return "Something went wrong in the server; its log has the details."


_CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    500: "internal",
}
