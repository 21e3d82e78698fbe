"""What all handlers share: the core, errors as JSON, a body that is an object, and limits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, NoReturn, TypeVar, cast

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from ..core.core import Core
from ..core.errors import (
    BadRequest,
    Conflict,
    CoreError,
    Forbidden,
    NotFound,
    TooLarge,
    Unavailable,
)
from ..core.question import Answerer
from .drivers import Drivers, NotADriver, person

#: What Jupyter's authorizers are asked about; the action is read, write or execute.
AUTH_RESOURCE = "hermes"

#: The key of the :class:`Drivers` in the web application's settings.
DRIVERS = "hermes_drivers"

#: The key of the core in the web application's settings.
CORE = "hermes_core"

#: The key of the places of calls in progress in the web application's settings.
CALLS = "hermes_calls"

#: The key of the open streams in the web application's settings.
STREAMS = "hermes_streams"

#: How a kernel names itself in ``User-Agent``. While it runs a cell, no panel gets through it.
KERNEL = "hermes-jupyter-kernel"

#: Calls that may be in progress at once; far more than pages make, few enough to be held.
MAX_CALLS = 1000

#: Seconds after which a page may try again what there was no room or no agent for.
RETRY_AFTER = 5

#: Characters of a text that has no limit of its own; the longest is a path.
MAX_TEXT = 4096


class TooMany(CoreError):
    """More at once than this server holds; later there may be room."""

    code = "too_many_requests"


_STATUS: dict[type[CoreError], int] = {
    BadRequest: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    NotADriver: 403,
    TooLarge: 413,
    TooMany: 429,
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


class Places:
    """Room for so many calls of one kind at once; one more is refused.

    Args:
        most: of all callers together.
        each: of one person, where persons are told apart: a guest leaves room for the owner.
        what: a word for them.
    """

    def __init__(self, most: int, each: int, what: str) -> None:
        self._most = most
        self._each = each
        self._what = what
        self._taken: dict[HermesHandler, str | None] = {}
        self._counts: Counter[str | None] = Counter()

    def take(self, call: HermesHandler) -> None:
        """Let a call begin.

        Raises:
            TooMany: there is no place left.
        """
        person = call.person
        if len(self._taken) >= self._most:
            raise self._too_many(f"This server has {self._most} {self._what} at once")
        if person is not None and self._counts[person] >= self._each:
            raise self._too_many(f"{person} has {self._each} {self._what} at once here")
        self._taken[call] = person
        self._counts[person] += 1

    def free(self, call: HermesHandler) -> None:
        """A call is over, if it ever began."""
        if call in self._taken:
            self._counts[self._taken.pop(call)] -= 1

    def _too_many(self, fact: str) -> TooMany:
        return TooMany(
            f"{fact}; no more are taken.",
            code=f"too_many_{self._what}",
            hint={"text": "Try again in a moment, or close pages that nobody looks at."},
        )


@web.stream_request_body
class HermesHandler(APIHandler):
    """Base of all handlers; each verb is decorated in the leaf class.

    On a base method, ``@authorized`` would keep the resource of the first subclass that ran.

    A body is read only after the caller has been let in and its length has been found right.
    """

    auth_resource = AUTH_RESOURCE

    #: The key of the :class:`Places` in which such a call counts; None: it is always served.
    places: ClassVar[str | None] = CALLS

    #: Seconds that a body may take to arrive.
    body_deadline: ClassVar[float] = 60.0

    async def prepare(self) -> None:  # type: ignore[override]
        """Let the call in, or refuse it before its body is read."""
        await super().prepare()
        self._received = bytearray()
        headers = self.request.headers
        length = headers.get("Content-Length", "0")
        if self.request.method == "GET" and (length != "0" or "Transfer-Encoding" in headers):
            raise BadRequest("A GET has no body.", code="unexpected_body")
        if length.isdecimal() and int(length) > self.max_body:
            raise self._body_too_large()
        if self.places is not None:
            self.settings[self.places].take(self)
        self.request.connection.set_body_timeout(self.body_deadline)  # type: ignore[union-attr]

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body; one without a length may turn out too long only here."""
        self._received += chunk
        if len(self._received) > self.max_body and not self._finished:
            error = self._body_too_large()
            self.send_error(status_of(error), exc_info=(type(error), error, None))

    def on_connection_close(self) -> None:
        """The caller is gone; a call that has all of its body still comes to its end."""
        if not self.request._body_future.done():
            self._free_place()
        super().on_connection_close()

    def on_finish(self) -> None:
        """The call is over."""
        self._free_place()
        super().on_finish()

    def update_api_activity(self) -> None:
        """Note that somebody is here, unless the address says not to in what is no text."""
        # Raised here, while a call is finished, it would leave the caller without any answer.
        with suppress(web.HTTPError):
            super().update_api_activity()

    def _free_place(self) -> None:
        if self.places is not None:
            self.settings[self.places].free(self)

    @property
    def core(self) -> Core:
        """The state of this server."""
        return cast(Core, self.settings[CORE])

    @property
    def authorizer(self) -> Authorizer:
        """Who may do what with Hermes; each verb asks it, by its decorator."""
        return cast(Drivers, self.settings[DRIVERS])

    @property
    def person(self) -> str | None:
        """The caller's name, if persons are told apart here."""
        return self.current_user and person(self, self.current_user)

    @property
    def max_body(self) -> int:
        """Bytes of the longest body: JSON may write a byte of a prompt in six."""
        return 6 * self.core.limits.prompt + 2 * 1024 * 1024

    def _body_too_large(self) -> TooLarge:
        return TooLarge(f"The body is longer than {self.max_body} bytes.", code="body_too_large")

    def body(self) -> dict[str, Any]:
        """The request's body, an object; nothing is an empty one.

        Raises:
            BadRequest: it is not JSON in UTF-8, or not an object.
        """
        if not self._received:
            return {}
        try:
            body = json.loads(self._received.decode(), parse_constant=_refuse_constant)
            # Half of a surrogate pair can be written in JSON, and in nothing that we hand it to.
            json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise BadRequest("The body is nested too deep.", code="bad_json") from error
        except ValueError as error:
            raise BadRequest(f"The body is not JSON: {error}", code="bad_json") from error
        if not isinstance(body, dict):
            raise BadRequest("The body must be a JSON object.", code="bad_json")
        return body

    def text(self, body: dict[str, Any], name: str, longest: int = MAX_TEXT) -> str | None:
        """An optional text of the body, of at most ``longest`` characters.

        Raises:
            BadRequest: it is there and not such a text.
        """
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"`{name}` must be a text.", code="bad_type")
        if value is not None and len(value) > longest:
            raise BadRequest(f"`{name}` is longer than {longest} characters.", code="too_long")
        return value

    def flag(self, body: dict[str, Any], name: str) -> bool | None:
        """An optional yes or no of the body.

        Raises:
            BadRequest: it is there and neither.
        """
        value = body.get(name)
        if value is not None and not isinstance(value, bool):
            raise BadRequest(f"`{name}` must be true or false.", code="bad_type")
        return value

    def needed_text(self, body: dict[str, Any], name: str) -> str:
        """A text that the body must have, of any length.

        Raises:
            BadRequest: it is missing or not a text.
        """
        value = self.text(body, name, len(self._received))
        if value is None:
            raise BadRequest(f"`{name}` is missing.", code="missing_field")
        return value

    def texts(self, body: dict[str, Any], name: str) -> list[str]:
        """A list of texts in the body; none if it is not there.

        Raises:
            BadRequest: it is there and not such a list.
        """
        values = body.get(name)
        if values is None:
            return []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise BadRequest(f"`{name}` must be a list of texts.", code="bad_type")
        return values

    def number(self, name: str, default: int, most: int) -> int:
        """A number from 1 to ``most`` in the query.

        Raises:
            BadRequest: it is there and not such a number.
        """
        given = self.get_query_argument(name, str(default))
        if not (given.isascii() and given.isdecimal()) or len(given) > 9:
            raise BadRequest(f"`{name}` must be a number from 1 to {most}.", code=f"bad_{name}")
        if not 1 <= int(given) <= most:
            raise BadRequest(f"`{name}` must be a number from 1 to {most}.", code=f"bad_{name}")
        return int(given)

    @property
    def from_kernel(self) -> bool:
        """Whether a kernel asks, for itself or for a page that reaches only the kernel."""
        return self.request.headers.get("User-Agent", "") == KERNEL

    def answerer(self, body: dict[str, Any]) -> Answerer:
        """Who acts: the person as Jupyter knows them, and how the client calls itself."""
        name = self.person and (self.current_user.display_name or self.person)
        return Answerer(client=(self.text(body, "client") or "api")[:40], user=name or "")

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
        if status_code in (429, 503):
            self.set_header("Retry-After", str(RETRY_AFTER))
        if not self.request._body_future.done():
            # The rest of the request is not read, so nothing can follow it.
            self.set_header("Connection", "close")
        self.set_header("Content-Type", "application/json")
        self.reply({"error": body}, status_code)

    def _message(self, error: BaseException | None) -> str:
        if isinstance(error, web.HTTPError):
            return str(error.log_message or error.reason or self._reason)
        return "Something went wrong in the server; its log has the details."


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    500: "internal",
}
