"""The form of somebody who wants access, and the queue of whoever decides. Rules about requests
belong to `licensing.requests`; here they get fields, marks beside what is wrong, and a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from clearward.catalogue.product_page import TERMS
from clearward.catalogue.web.front import NOT_FOUND, Form, Front, PageError
from clearward.catalogue.web.operators import counts, find_operator
from clearward.catalogue.web.sessions import Kind
from clearward.catalogue.words import Words, purpose_words
from clearward.errors import ConfigError, LicenceError
from clearward.licensing import requests
from clearward.licensing.model import Reason
from clearward.licensing.requests import REASON_LENGTH, STATEMENT_LENGTH
from clearward.products.spec import Product, load_product

LENGTHS = {"organisation": 128, "person": 128, "email": 254, "statement": STATEMENT_LENGTH}
_EMAIL = re.compile(r"[^\s@<>\"',;]+@[^\s@<>\"',;]+\.[^\s@<>\"',;]+")
_LONGEST_TOKEN = 1000


@dataclass(frozen=True)
class Asking:
    """Handlers for applicants."""

    front: Front

    def form(self, request: Request) -> Response:
        """GET /{lang}/request/{product}."""
        return self._form(request, {}, {})

    def send(self, request: Request, form: Form) -> Response:
        """POST /{lang}/request/{product}: into the queue, or back with what is wrong."""
        front, product = self.front, self._product(request)
        w = front.words(request)
        wrong = _wrong(form, product, w)
        if wrong:
            return self._form(request, form, wrong, status=400)
        front.try_once(request, front.asked)
        try:
            number = requests.submit(
                front.desk.engine,
                product=product.name,
                **{name: form[name].strip() for name in LENGTHS},
                purpose=form["purpose"],
                now=front.desk.clock(),
            )
        except LicenceError as refusal:
            return self._form(request, form, {"": refusal.failed}, status=400)
        t = w["page"]
        values = {"title": t["received_title"], "text": t["received_text"].format(id=number)}
        return front.page(request, "refusal.html", values)

    def _form(
        self, request: Request, form: Form, wrong: Mapping[str, str], *, status: int = 200
    ) -> Response:
        product, w = self._product(request), self.front.words(request)
        t = w["page"]
        values = {
            "title": t["request_title"].format(title=product.title[w["lang"]]),
            "wrong": wrong,
            "given": {name: form.get(name, "")[: most * 2] for name, most in LENGTHS.items()},
            "chosen": form.get("purpose", ""),
            "lengths": LENGTHS,
            "purposes": [(name, purpose_words(w, name)) for name in product.purposes],
            "forbidden": [purpose_words(w, name) for name in product.forbidden_purposes],
            "terms": [w["duo"][code]["text"] for code in TERMS],
        }
        return self.front.page(request, "request.html", values, status=status)

    def _product(self, request: Request) -> Product:
        try:
            return load_product(str(request.path_params["product"]))
        except ConfigError:
            raise PageError(*NOT_FOUND) from None


def _wrong(form: Form, product: Product, w: Words) -> dict[str, str]:
    """Field -> what is wrong with it, in the order of the form."""
    t, wrong = w["page"], {}
    for name, most in LENGTHS.items():
        text = form.get(name, "").strip()
        if not text:
            wrong[name] = t["form_empty"]
        elif len(text) > most:
            wrong[name] = t["form_long"].format(most=most)
    if "email" not in wrong and not _EMAIL.fullmatch(form["email"].strip()):
        wrong["email"] = t["form_email"]
    if form.get("purpose") not in product.purposes:
        wrong["purpose"] = t["form_choice"]
    if form.get("agreed") != "yes":
        wrong["agreed"] = t["form_agree"]
    return wrong


@dataclass(frozen=True)
class Approving:
    """Handlers for whoever decides."""

    front: Front

    def sign_in_page(self, request: Request) -> Response:
        """GET /{lang}/approve."""
        return self._ask(request)

    def sign_in(self, request: Request, form: Form) -> Response:
        """POST /{lang}/approve: an operator token."""
        front = self.front
        front.try_once(request, front.sign_ins)
        desk, given = front.desk, form.get("token", "").strip()[:_LONGEST_TOKEN]
        operator = find_operator(desk.engine, desk.keyring, given, now=desk.clock())
        if operator is None:
            desk.log(None, "operator.sign_in", "-", Reason.BAD_TOKEN)
            return self._ask(request, wrong=True)
        front.begin(
            request, Kind.APPROVER, subject=operator.id, name=operator.name, ends=operator.until
        )
        return front.send_to(request, f"/{front.words(request)['lang']}/requests")

    def queue(self, request: Request) -> Response:
        """GET /{lang}/requests: what waits, oldest first."""
        return self._queue(request)

    def decide(self, request: Request, form: Form) -> Response:
        """POST /{lang}/requests/{id}: yes, or no with a reason."""
        name, front = self._name(request), self.front
        if not name:
            return front.send_to(request, f"/{front.words(request)['lang']}/approve")
        t, desk = front.words(request)["page"], front.desk
        number, choice = str(request.path_params["id"]), form.get("decision")
        try:
            if choice == "approve":
                done = requests.approve(desk.engine, number, actor=name, now=desk.clock())
            elif choice == "reject":
                reason = form.get("reason", "")
                done = requests.reject(
                    desk.engine, number, actor=name, reason=reason, now=desk.clock()
                )
            else:
                raise PageError(*NOT_FOUND)
        except LicenceError as refusal:
            return self._queue(request, wrong=refusal.failed, status=400)
        return self._queue(request, said=t["approver_done"].format(id=number, state=done.state))

    def _queue(
        self, request: Request, *, wrong: str = "", said: str = "", status: int = 200
    ) -> Response:
        front = self.front
        name = self._name(request)
        if not name:
            return front.send_to(request, f"/{front.words(request)['lang']}/approve")
        w = front.words(request)
        values = {
            "title": w["page"]["approver_title"],
            "lead": w["page"]["approver_lead"].format(name=name),
            "waiting": [_shown(asked, w) for asked in requests.pending(front.desk.engine)],
            "most": REASON_LENGTH,
            "wrong": wrong,
            "said": said,
        }
        return front.page(request, "requests.html", values, status=status)

    def _name(self, request: Request) -> str:
        """The approver who is signed in and whose token was not ended; else nobody."""
        session = self.front.session(request)
        known = session.kind is Kind.APPROVER and counts(self.front.desk.engine, session.subject)
        return session.name if known else ""

    def _ask(self, request: Request, *, wrong: bool = False) -> Response:
        t = self.front.words(request)["page"]
        values = {
            "title": t["approver_sign_in"],
            "text": t["approver_sign_in_text"],
            "wrong": t["sign_in_wrong"] if wrong else "",
            "said": "",
            "next": "",
            "action": "approve",
        }
        return self.front.page(request, "sign_in.html", values, status=403 if wrong else 200)


def _shown(asked: requests.AccessRequest, w: Words) -> dict[str, Any]:
    return {
        "id": asked.id,
        "product": load_product(asked.product).title[w["lang"]],
        "organisation": asked.organisation,
        "person": asked.person,
        "email": asked.email,
        "purpose": purpose_words(w, asked.purpose)["title"],
        "statement": asked.statement,
        "at": asked.submitted_at[:16].replace("T", " "),
    }
