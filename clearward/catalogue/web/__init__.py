"""The pages of the delivery service for people: catalogue, account, requests. The service mounts
them with `routes`; what the pages decide is decided by `licensing`.
"""

from __future__ import annotations

from starlette.routing import Route

from clearward.catalogue.shelving import house_of
from clearward.catalogue.web.account import Account
from clearward.catalogue.web.asking import Approving, Asking
from clearward.catalogue.web.front import Front
from clearward.catalogue.web.public import Public
from clearward.service.desk import Desk


def routes(desk: Desk) -> list[Route]:
    """Every page, by address; ``lang`` is ``en`` or ``zh``."""
    front = Front(desk, house_of(desk.settings))
    account, asking = Account(front), Asking(front)
    approving, public = Approving(front), Public(front)
    release = "/{lang}/releases/{product}/{version}"
    pages = {
        "/": public.door,
        "/catalogue": public.door,
        "/catalogue/": public.door,
        "/catalogue/pages/{path:path}": public.page,
        "/catalogue/documents/{path:path}": public.document,
        "/{lang}/sign-in": account.sign_in_page,
        "/{lang}/account": account.account,
        release: account.release,
        "/{lang}/request/{product}": asking.form,
        "/{lang}/approve": approving.sign_in_page,
        "/{lang}/requests": approving.queue,
    }
    forms = {
        "/{lang}/sign-in": account.sign_in,
        "/{lang}/sign-out": account.sign_out,
        release: account.links,
        "/{lang}/request/{product}": asking.send,
        "/{lang}/approve": approving.sign_in,
        "/{lang}/requests/{id}": approving.decide,
    }
    return [
        *(Route(path, front.get(handler), methods=["GET"]) for path, handler in pages.items()),
        *(Route(path, front.post(handler), methods=["POST"]) for path, handler in forms.items()),
    ]
