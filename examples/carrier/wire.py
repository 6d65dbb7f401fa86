"""What DHL would answer, as values for JSON."""

from datetime import date, timedelta
from typing import Any

from examples.carrier.places import Place
from examples.carrier.routes import Route, Step


def shipment_answer(route: Route, seen: int, today: date) -> dict[str, Any]:
    """Give the answer for a parcel of whose steps the first ``seen`` are visible; the last one was before today."""
    first_day = today - timedelta(days=route.steps[-1].day + 1)
    events = [_event(step, first_day) for step in route.steps[:seen]]
    query = f"/shipments?trackingNumber={route.tracking_number}"
    shipment = {
        "id": route.tracking_number,
        "service": route.service,
        "origin": _place(route.origin),
        "destination": _place(route.destination),
        "status": events[-1],
        "estimatedTimeOfDelivery": _timestamp(route.steps[-1], first_day),
        "serviceUrl": f"https://www.dhl.com/en/home/tracking.html?tracking-id={route.tracking_number}",
        "details": _details(route, delivered=seen == len(route.steps)),
        "events": events[::-1],
    }
    return {"url": query, "firstUrl": query, "shipments": [shipment]}


def problem(status: int, title: str, detail: str, instance: str) -> dict[str, Any]:
    """Give an error as DHL writes it."""
    return {"title": title, "detail": detail, "status": status, "instance": instance}


def _details(route: Route, *, delivered: bool) -> dict[str, Any]:
    details: dict[str, Any] = {
        "product": {"productName": route.product},
        "totalNumberOfPieces": 1,
        "weight": {"value": route.kilograms, "unitText": "kg"},
    }
    if delivered and route.signed_by is not None:
        signed = {"@type": "Person", "name": route.signed_by}
        details["proofOfDelivery"] = {"signed": signed, "documentUrl": "https://webpod.dhl.com/"}
    return details


def _event(step: Step, first_day: date) -> dict[str, Any]:
    event = {
        "timestamp": _timestamp(step, first_day),
        "location": _place(step.place),
        "statusCode": step.code,
        "status": step.code,
        "description": step.description,
        "remark": step.remark,
        "nextSteps": step.next_steps,
    }
    return {name: value for name, value in event.items() if value is not None}


def _timestamp(step: Step, first_day: date) -> str:
    return f"{first_day + timedelta(days=step.day)}T{step.time}:00{step.place.offset}"


def _place(place: Place) -> dict[str, Any]:
    address = {"countryCode": place.country, "postalCode": place.postcode, "addressLocality": place.town}
    return {"address": {name: value for name, value in address.items() if value}}
