"""The desk's cookies: the visit, on whose random id a session stands, and a message that the next page shows once."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Literal

from fastapi import Request, Response
from itsdangerous import BadSignature, Signer

from helpdesk.accounts.sign_in import new_token

_VISIT, _FLASH = "helpdesk", "helpdesk-flash"
_FLASH_S = 60
_CSRF_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Visit:
    """One browser's visit: ``token`` is its random id, and the session's token once somebody has signed in."""

    token: str
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Flash:
    """A sentence about what was just done, for the next page."""

    kind: Literal["done", "problem"]
    text: str


class Cookies:
    """Reads and writes signed cookies, and makes the CSRF tokens that belong to a visit.

    Args:
        session_s: how long a browser keeps the visit of somebody who is signed in.
    """

    def __init__(self, secret: str, *, session_s: float) -> None:
        self._visits = Signer(secret, salt="helpdesk.visit", key_derivation="hmac", digest_method=hashlib.sha256)
        self._flashes = Signer(secret, salt="helpdesk.flash", key_derivation="hmac", digest_method=hashlib.sha256)
        self._csrf_key = hmac.digest(secret.encode(), b"helpdesk.csrf", "sha256")
        self._session_s = round(session_s)

    def visit(self, request: Request) -> Visit:
        """Return the visit that the request belongs to; a new one where its cookie is missing or not ours."""
        if not hasattr(request.state, "visit"):
            token = _unsigned(self._visits, request.cookies.get(_name(request, _VISIT)))
            request.state.visit = Visit(new_token(), is_new=True) if token is None else Visit(token)
        visit: Visit = request.state.visit
        return visit

    def keep_visit(self, request: Request, response: Response) -> None:
        """Give a new visit its cookie, which ends with the browser's session."""
        visit = self.visit(request)
        if visit.is_new:
            self._set(request, response, _VISIT, self._visits.sign(visit.token.encode()), max_age=None)

    def enter(self, request: Request, response: Response, token: str) -> None:
        """Begin the visit of somebody who has signed in, under an id that nobody knew before."""
        self._set(request, response, _VISIT, self._visits.sign(token.encode()), max_age=self._session_s)

    def leave(self, request: Request, response: Response) -> None:
        """End the visit."""
        self._delete(request, response, _VISIT)

    def csrf_token(self, request: Request) -> str:
        """Return a token for this visit's forms; it looks different each time, so that compression leaks nothing."""
        mask = secrets.token_bytes(_CSRF_BYTES)
        return urlsafe_b64encode(mask + _xor(mask, self._csrf(request))).decode()

    def is_csrf_token(self, request: Request, token: str) -> bool:
        """Say whether the token was made for this visit."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
        except ValueError:
            return False
        return hmac.compare_digest(_xor(raw[:_CSRF_BYTES], raw[_CSRF_BYTES:]), self._csrf(request))

    def flash(self, request: Request, response: Response, flash: Flash) -> None:
        """Have the next page show a message."""
        value = urlsafe_b64encode(json.dumps([flash.kind, flash.text]).encode())
        self._set(request, response, _FLASH, self._flashes.sign(value), max_age=_FLASH_S)

    def flashed(self, request: Request) -> Flash | None:
        """Return the message that this page is to show."""
        value = _unsigned(self._flashes, request.cookies.get(_name(request, _FLASH)))
        return None if value is None else Flash(*json.loads(urlsafe_b64decode(value)))

    def forget_flash(self, request: Request, response: Response) -> None:
        """Take care that a message is shown once."""
        if _name(request, _FLASH) in request.cookies:
            self._delete(request, response, _FLASH)

    def _csrf(self, request: Request) -> bytes:
        return hmac.digest(self._csrf_key, self.visit(request).token.encode(), "sha256")

    def _set(self, request: Request, response: Response, name: str, value: bytes, *, max_age: int | None) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(
            _name(request, name),
            value.decode(),
            max_age=max_age,
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )

    def _delete(self, request: Request, response: Response, name: str) -> None:
        secure = request.url.scheme == "https"
        response.delete_cookie(_name(request, name), path="/", secure=secure, httponly=True, samesite="lax")


def _name(request: Request, name: str) -> str:
    """Return a cookie's name; over TLS it is one that no other host, and nobody without TLS, can set."""
    return f"__Host-{name}" if request.url.scheme == "https" else name


def _unsigned(signer: Signer, value: str | None) -> str | None:
    try:
        return None if value is None else signer.unsign(value.encode("utf-8", "replace")).decode()
    except BadSignature:
        return None


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))
