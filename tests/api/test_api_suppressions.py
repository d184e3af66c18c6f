"""/suppressions, and what becomes of mail to an address that is among them."""

import pytest

from mailwright.queue import State
from tests.api.asking import Api
from tests.api.test_api_caller import refused
from tests.api.test_api_emails import desk
from tests.e2e.served import states

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_added_listed_and_removed(api: Api) -> None:
    acme, bolt = await desk(api, "suppress"), await desk(api, "suppress-other")
    number = (await acme.ask("POST", "/suppressions", {"email": "Bob@Remote.Example"})).json["id"]
    assert (await acme.ask("POST", "/suppressions", {"email": "bob@remote.example"})).json["id"] == number
    shown = (await acme.ask("GET", "/suppressions/bob%40remote.example")).json
    assert (shown["id"], shown["email"], shown["origin"], shown["source_id"]) == (number, "bob@remote.example", "manual", None)
    assert (await acme.ask("GET", f"/suppressions/{number}")).json == shown
    assert (await acme.ask("GET", "/suppressions")).json == {"object": "list", "has_more": False, "data": [shown]}
    assert (await acme.ask("GET", "/suppressions", origin="bounce")).json["data"] == []
    refused(await bolt.ask("GET", f"/suppressions/{number}"), 404, "not_found", "not-found")
    refused(await bolt.ask("DELETE", f"/suppressions/{number}"), 404, "not_found", "not-found")
    gone = (await acme.ask("DELETE", f"/suppressions/{number}")).json
    assert gone == {"object": "suppression", "id": number, "deleted": True}
    refused(await acme.ask("GET", f"/suppressions/{number}"), 404, "not_found", "not-found")
    refused(await acme.ask("POST", "/suppressions", {"email": "nobody"}), 422, "validation_error", "value-malformed")


async def test_batches(api: Api) -> None:
    acme = await desk(api, "suppress-many")
    added = (await acme.ask("POST", "/suppressions/batch/add", {"emails": [f"{n}@x.example" for n in range(5)]})).json["data"]
    assert len(added) == 5
    page = (await acme.ask("GET", "/suppressions", limit="2", after=added[3]["id"])).json
    assert ([one["id"] for one in page["data"]], page["has_more"]) == ([added[2]["id"], added[1]["id"]], True)
    some = await acme.ask("POST", "/suppressions/batch/remove", {"emails": ["0@x.example", "9@x.example"]})
    assert [one["id"] for one in some.json["data"]] == [added[0]["id"]], "what is not there is passed over, as Resend does"
    await acme.ask("POST", "/suppressions/batch/remove", {"ids": [added[1]["id"]]})
    assert len((await acme.ask("GET", "/suppressions")).json["data"]) == 3
    refused(await acme.ask("POST", "/suppressions/batch/remove", {}), 422, "validation_error", "value-malformed")


async def test_mail_to_a_suppressed_address_is_settled_at_once_and_says_why(api: Api) -> None:
    acme, bolt = await desk(api, "suppressed"), await desk(api, "not-suppressed")
    await acme.ask("POST", "/suppressions", {"email": "bob@remote.example", "reason": "They left the company."})
    number = await acme.sent(to=["BOB@remote.example", "carl@remote.example"])
    story = await api.ended(number)
    assert states(story) == {"BOB@remote.example": State.BOUNCED.name, "carl@remote.example": State.CAPTURED.name}
    assert (await acme.look(number))["last_event"] == "bounced"
    told = (await acme.ask("GET", f"/emails/{number}/story")).json["recipients"][0]
    assert "does not send to this address" in told["lines"][0]["text"]
    assert told["lines"][0]["more"][0] == "They left the company."
    over_smtp = await api.hand_in(acme.account, "bob@remote.example")
    assert states(await api.ended(over_smtp)) == {"bob@remote.example": State.BOUNCED.name}
    other = await bolt.sent(to="bob@remote.example")
    assert states(await api.ended(other)) == {"bob@remote.example": State.CAPTURED.name}
    await acme.ask("DELETE", "/suppressions/bob%40remote.example")
    again = await acme.sent(to="bob@remote.example")
    assert states(await api.ended(again)) == {"bob@remote.example": State.CAPTURED.name}
