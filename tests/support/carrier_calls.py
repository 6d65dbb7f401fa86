"""Tools to test carriers' clients: sources on loopback, scripted answers, recorded requests."""

import json
from typing import Final

from tests.support.carrier_cases import cases_of
from tests.support.receiver import Receiver, answering
from waypost.domain.carriers import CarrierSource
from waypost.sources.carriers import find
from waypost.sources.http import CarrierHttp

JSON: Final = "content-type: application/json"
SECRET: Final = {"client_id": "me", "client_secret": "a-secret"}
OPENED: Final = ("accept", "accept-encoding", "content-length", "host", "user-agent")


def source(http: CarrierHttp, name: str, port: int, credentials: dict[str, str]) -> CarrierSource:
    carrier = find(name)
    assert carrier is not None
    return carrier.open(http, carrier.check(credentials), base_url=f"http://127.0.0.1:{port}")


def token(**more: object) -> bytes:
    return answering(200, JSON, body=json.dumps({"access_token": "t", "expires_in": "3600"} | more).encode())


def recorded(carrier: str, name: str) -> bytes:
    (case,) = [one for one in cases_of(carrier) if one.name == name]
    return answering(case.status, JSON, body=case.body)


def own_headers(receiver: Receiver, request: int) -> dict[str, str]:
    return {name: value for name, value in receiver.requests[request].header_lines if name not in OPENED}
