"""What went wrong, as OpenAI's clients expect it: one short JSON object, never the input again."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

log = logging.getLogger("hallmark.web")
_LONGEST = 400
KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


class ErrorDetail(BaseModel):
    """What is wrong, and where."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """OpenAI's error object."""

    error: ErrorDetail


class Refused(Exception):
    """An answer other than success; `retry_after` in seconds where the client should come again."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The JSON object."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        message = self.message.encode("ascii", "backslashreplace").decode()
        return {
            "error": {
                "message": message[:_LONGEST],
                "type": KINDS.get(self.status, kind),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> Response:
        """The whole answer."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return JSONResponse(self.body(), self.status, headers)


def busy(seconds: float) -> Refused:
    """The queue is full; it will take about so many seconds until there is room."""
    wait = max(1, min(60, round(seconds + 0.5)))
    message = f"all places are taken; come again in {wait} s"
    return Refused(503, message, code="overloaded", retry_after=wait)


def from_value_error(error: ValueError) -> Refused:
    """A library's complaint, whose first word names the setting."""
    message = str(error)
    word = message.partition(" ")[0]
    return Refused(400, message, param=word if word.isidentifier() else None)


def install(app: FastAPI) -> None:
    """Let the app answer every error in this form."""

    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return error.response()

    def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = [str(part) for part in first["loc"] if part != "body"]
        param = ".".join(where).encode("ascii", "backslashreplace").decode()[:80] or None
        message = f"{param}: {first['msg']}" if param else str(first["msg"])
        return Refused(400, message, param=param).response()

    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = Refused(error.status_code, str(error.detail)).response()
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def defect(error: BaseException) -> Refused:
    """Something that should not happen. The log has where, not what: messages may hold a text."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "nowhere"
    log.error("defect: %s at %s", type(error).__name__, where)
    return Refused(500, "this is a defect of the service; its log says where", code="defect")
