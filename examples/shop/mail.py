"""E-mails to customers: here each is a file, which a mail server would pick up."""

import re
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

from waypost.receiver import TrackingEvent

_TEXTS = {"pickup": "is out for delivery", "pickup002": "is ready for collection", "delivered": "was delivered"}


class Outbox:
    """A folder of e-mails; an existing one is not written again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def tell(self, event: TrackingEvent, page: str) -> None:
        """E-mail the customer if the news is worth it and there is an address."""
        text = _TEXTS.get(event.substatus or "") or _TEXTS.get(event.status)
        file = self._folder / f"{quote(event.tracking_id, safe='')}-{event.status}.eml"
        if not text or file.exists() or not re.fullmatch(r"[!-~]+@[!-~]+", event.customer_email or ""):
            return
        mail = EmailMessage(policy=SMTP)
        mail["from"], mail["to"] = "The little shop <orders@shop.example>", event.customer_email
        mail["subject"] = " ".join(f"Your order {event.order_number or event.tracking_number} {text}".split())
        mail.set_content(f"Hello,\n\nyour parcel {text}: {event.title or 'see below'}.\nFollow it at {page}\n")
        file.with_suffix(".new").write_bytes(bytes(mail))
        file.with_suffix(".new").replace(file)
