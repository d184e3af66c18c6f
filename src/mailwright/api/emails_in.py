"""What comes in at POST /emails and /emails/batch: read -> seal -> keep -> the id; a refusal says what to do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from mailwright.accounts import Submitter
from mailwright.api.caller import Caller
from mailwright.api.errors import ApiError, Json, told, unavailable
from mailwright.api.invalid import invalid
from mailwright.api.letters import FIELDS, Order, json_of, keyed, order_of, orders_of
from mailwright.api.services import Services
from mailwright.flows.letter import Sealed, post, seal
from mailwright.flows.submit import Receipt
from mailwright.message import Refused
from mailwright.values import Finding, Level, Malformed, Unavailable
from mailwright.values.finding import error
from mailwright.values.ids import id_text

IN_A_THREAD = 64 * 1024  # octets of a body from which on reading it would hold up others
MAX_KEY = 256  # characters, as Resend has it
BAD_KEY = error(
    "idempotency-key-malformed",
    f"The Idempotency-Key has to have 1 to {MAX_KEY} printable ASCII characters.",
    do="Make it from what the mail is about, such as invoice-4711.",
)
BAD_MODE = error(
    "batch-mode-unknown", "x-batch-validation is neither strict nor permissive.", do="Send one of both, or leave it out."
)
_REFUSALS = {  # of a finding: the status and the kind; all others are about the mail
    "author-not-yours": (403, "validation_error"),  # as Resend refuses domains that are not verified
    "author-not-of-this-key": (403, "restricted_api_key"),
    "transport-unusable": (503, "service_unavailable"),
    "idempotency-key-reused": (409, "invalid_idempotent_request"),
    "mail-too-large": (413, "validation_error"),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all mails of a request."""

    submitter: Submitter
    services: Services
    key: str
    digest: str

    async def seal(self, order: Order | ApiError | Malformed) -> Sealed:
        """Raises ApiError, Malformed."""
        if isinstance(order, Exception):
            raise order
        most = self.services.settings.limits.size
        sealed = await seal(order.letter, order.recipients, order.asked, self.submitter, self.services.office, most=most)
        if isinstance(sealed, Refused):
            raise refused(sealed)
        return sealed

    async def post(self, sealed: Sealed) -> Receipt:
        """Raises ApiError, Unavailable."""
        receipt = await post(sealed, self.services.office)
        if isinstance(receipt, Refused):
            raise refused(receipt)
        return receipt

    async def known(self, key: str) -> int | None:
        """What was made of the same request with this key, None where there was none. Raises Unavailable."""
        account, now = self.submitter.view.account.id, self.services.now()
        return await self.services.store.known(account=account, key=key, digest=self.digest, now=now) if self.key else None

    def orders(self, raw: bytes) -> list[Order | ApiError | Malformed]:
        """The mails of a batch, or what is wrong with each. Raises Malformed."""
        found: list[Order | ApiError | Malformed] = []
        for number, mail in enumerate(orders_of(json_of(raw))):
            try:
                found.append(keyed(self.order(mail), number))
            except (ApiError, Malformed) as fault:
                found.append(fault)
        return found

    def order(self, given: object) -> Order:
        """Raises ApiError, Malformed."""
        services = self.services
        most = services.settings.limits.recipients
        try:
            return order_of(given, now=services.now(), most=most, key=self.key, digest=self.digest)
        except ValidationError as fault:
            wrong = [one | {"loc": ("body", *one["loc"])} for one in fault.errors(include_url=False, include_input=False)]
            missing = all(one["type"] == "missing" for one in wrong)
            name = "missing_required_field" if missing else "validation_error"
            raise ApiError(422, name, *invalid(wrong, known=FIELDS)) from None


async def one(raw: bytes, request: Request, caller: Caller, services: Services) -> Response:
    """One mail. Raises ApiError, Malformed, Unavailable."""
    terms = _terms(raw, request, caller, services)
    try:
        if len(raw) < IN_A_THREAD:
            order = terms.order(json_of(raw))
        else:
            order = await asyncio.to_thread(lambda: terms.order(json_of(raw)))
        number = (await terms.post(await terms.seal(order))).message
    except (ApiError, Malformed):
        # It may have been good when it was sent for the first time: since then its time passed, or the author's domain went.
        if (known := await terms.known(terms.key)) is None:
            raise
        number = known
    return Response(f'{{"id":"{id_text(number)}"}}'.encode(), media_type="application/json")


async def many(raw: bytes, request: Request, caller: Caller, services: Services) -> Response:
    """A batch. Raises ApiError, Malformed, Unavailable."""
    mode = request.headers.get("x-batch-validation", "strict").lower()
    if mode not in {"strict", "permissive"}:
        raise ApiError(422, "validation_error", BAD_MODE)
    terms = _terms(raw, request, caller, services)
    orders = terms.orders(raw) if len(raw) < IN_A_THREAD else await asyncio.to_thread(terms.orders, raw)
    sealed: list[Sealed] = []
    wrong: list[tuple[int, ApiError]] = []
    for number, order in enumerate(orders):
        try:
            sealed.append(await terms.seal(order))
        except (ApiError, Malformed) as fault:
            wrong.append((number, told(fault) if isinstance(fault, Malformed) else fault))
    if wrong and mode == "strict":
        return Json({"data": await _taken_before(terms, len(orders), _all_refused(wrong))})
    data = [{"id": id_text(receipt.message)} for receipt in await _kept(terms, sealed)]
    if mode == "strict":
        return Json({"data": data})
    return Json({"data": data, "errors": [{"index": number, "message": _said(fault)} for number, fault in wrong]})


async def _taken_before(terms: Terms, many: int, refusal: ApiError) -> list[dict[str, str]]:
    """The answer to a batch that was taken when it was sent for the first time. Raises what is wrong with it by now."""
    found = []
    for number in range(many):
        known = await terms.known(f"{terms.key}/{number}")
        if known is None:
            raise refusal
        found.append({"id": id_text(known)})
    return found


async def _kept(terms: Terms, sealed: Sequence[Sealed]) -> list[Receipt]:
    """The first one first: where its key stands for another batch, nothing of this one may be kept."""
    if not sealed:
        return []
    first = await terms.post(sealed[0])
    others = await asyncio.gather(*(terms.post(one) for one in sealed[1:]), return_exceptions=True)
    kept = [first, *(one for one in others if isinstance(one, Receipt))]
    fault = next((one for one in others if isinstance(one, BaseException)), None)
    if isinstance(fault, Unavailable):
        raise _cut_short(len(kept), len(sealed), fault)
    if fault is not None:
        raise fault
    return kept


def refused(refusal: Refused) -> ApiError:
    """A mail that is not taken."""
    errors = [finding for finding in refusal.findings if finding.level is Level.ERROR]
    status, name = _REFUSALS.get(errors[0].code, (422, "validation_error"))
    return ApiError(status, name, *errors)


def _terms(raw: bytes, request: Request, caller: Caller, services: Services) -> Terms:
    key = request.headers.get("idempotency-key")
    if key is None:
        return Terms(caller.submitter, services, "", "")
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise ApiError(400, "invalid_idempotency_key", BAD_KEY)
    return Terms(caller.submitter, services, key, sha256(raw).hexdigest())


def _all_refused(wrong: Sequence[tuple[int, ApiError]]) -> ApiError:
    """Of each mail that cannot be sent what is wrong; none of the batch was kept."""
    findings = [_of(number, finding) for number, fault in wrong for finding in fault.findings]
    return ApiError(wrong[0][1].status_code, wrong[0][1].name, *findings)


def _of(number: int, finding: Finding) -> Finding:
    return replace(finding, what=f"Mail {number} of the batch: {finding.what}")


def _said(fault: ApiError) -> str:
    return f"{fault.findings[0].what} {fault.findings[0].do}".strip()


def _cut_short(kept: int, of: int, fault: Unavailable) -> ApiError:
    """Some mails of a batch are kept, others not, for the store went away between them."""
    away = unavailable(fault)
    finding = error(
        "batch-cut-short",
        f"The store went away in the middle: {kept} of the {of} mails were kept, the others were not.",
        do="With an Idempotency-Key send the same request again: what is missing is added, nothing is sent twice. "
        "Without one look at GET /emails first.",
    )
    return ApiError(503, away.name, finding, headers=away.headers)
