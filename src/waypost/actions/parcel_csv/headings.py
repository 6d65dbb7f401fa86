"""The headings of a CSV file, and which of them stands for which field of a parcel.

An export of a shop has headings of its own, such as "Order" or "Tracking No.". A mapping says which column is read as
which field: a heading by the field's name. Empty and repeated headings get labels of their own.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from waypost.actions.parcel_csv.cells import text_of
from waypost.actions.parcel_fields import FACT_FIELDS, PARCEL_FIELDS

NUMBER: Final = "tracking_number"
COURIER: Final = "courier_code"
LONGEST_LABEL: Final = 100
MAPPED_FIELDS: Final = (
    *(NUMBER, COURIER, "order_number", "title", "customer_name", "customer_email"),
    *sorted(FACT_FIELDS - {"order_number", "title", "customer_name", "customer_email"}),
)
"""The fields for which a column can be chosen, those of most files first."""

_WORDS: Final = re.compile(r"[^\W_]+")
_GUESSES: Final = {
    NUMBER: (
        *("tracking number", "tracking numbers", "tracking no", "tracking nr", "tracking code", "tracking id"),
        *("tracking", "trackingnumber", "trackingnummer", "tracking nummer", "tracking reference", "parcel number"),
        *("shipment number", "shipment tracking number", "waybill", "waybill number", "awb", "awb number"),
        *("consignment number", "sendungsnummer", "sendungs nr", "sendungsverfolgungsnummer", "paketnummer"),
        *("numéro de suivi", "n de suivi", "número de seguimiento", "numero di tracking", "volgnummer"),
        *("trackingcode", "运单号", "快递单号", "物流单号", "跟踪号"),
    ),
    COURIER: (
        *("courier code", "courier", "carrier", "carrier code", "carrier name", "courier name", "tracking company"),
        *("shipping carrier", "shipping company", "shipping provider", "delivery company", "transporteur"),
        *("versanddienstleister", "versandunternehmen", "paketdienst", "transportista", "corriere", "vervoerder"),
        *("快递公司", "物流商", "物流公司", "承运商"),
    ),
    "order_number": (
        *("order number", "order no", "order nr", "order", "order id", "order reference", "order name"),
        *("bestellnummer", "bestellung", "auftragsnummer", "auftrag", "numéro de commande", "commande"),
        *("número de pedido", "pedido", "numero ordine", "ordine", "bestelnummer", "订单号", "订单编号", "name"),
    ),
    "title": (
        *("title", "product", "product name", "item", "item name", "article", "lineitem name"),
        *("produkt", "artikel", "produit", "producto", "prodotto", "商品名称"),
    ),
    "customer_name": (
        *("customer name", "customer", "recipient", "recipient name", "shipping name", "ship to name", "buyer name"),
        *("billing name", "kunde", "kundenname", "empfänger", "client", "destinataire", "cliente", "destinatario"),
        *("klant", "收件人", "客户姓名"),
    ),
    "customer_email": ("customer email", "email", "e mail", "email address", "buyer email", "courriel", "邮箱"),
    "customer_sms": ("customer sms", "customer phone", "phone", "shipping phone", "telefon", "téléphone", "电话"),
    "recipient_postcode": (
        *("recipient postcode", "postcode", "postal code", "zip", "zip code", "shipping zip", "ship postal code"),
        *("plz", "postleitzahl", "code postal", "código postal", "cap", "邮编"),
    ),
    "destination_country_iso2": (
        *("destination country iso2", "destination country", "country", "country code", "shipping country"),
        *("ship country", "land", "pays", "país", "paese"),
    ),
}
"""The headings that shops and marketplaces give each field, as words in lower case; the first ones decide."""


def labels_of(cells: Sequence[str]) -> tuple[str, ...]:
    """Return a label for each heading: its text, or its place if it is empty, numbered if it occurs again."""
    labels: list[str] = []
    for place, cell in enumerate(cells, 1):
        heading = " ".join(text_of(cell).split())[:LONGEST_LABEL] or f"Column {place}"
        label, again = heading, 1
        while label in labels:
            again += 1
            label = f"{heading} ({again})"
        labels.append(label)
    return tuple(labels)


def own_name(label: str) -> str:
    """Return the field's name that a heading spells, such as ``tracking_number`` for "Tracking Number"."""
    return re.sub(r"[ -]+", "_", label.lower())


def own_names(labels: Sequence[str]) -> dict[str, str]:
    """Return the label of each field that a heading names as v4 does."""
    return {own_name(label): label for label in reversed(labels) if own_name(label) in PARCEL_FIELDS}


def guess(labels: Sequence[str]) -> dict[str, str]:
    """Return the most likely label of each field; a label is used once, and fields without one are missing."""
    found = own_names(labels)
    words = {label: " ".join(_WORDS.findall(label.casefold())) for label in labels}
    for field, spellings in _GUESSES.items():
        free = [label for label in labels if label not in found.values()]
        likely = (label for spelling in spellings for label in free if words[label] == spelling)
        if field not in found and (label := next(likely, None)) is not None:
            found[field] = label
    return found


def remembered(labels: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return what of an earlier mapping a file with these labels still has."""
    return {field: label for field, label in mapping.items() if field in PARCEL_FIELDS and label in labels}
