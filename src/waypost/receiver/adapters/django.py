"""The adapter for Django."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from waypost.receiver.adapters import Check
from waypost.receiver.errors import RefusedWebhookError, UnreadableEventError
from waypost.receiver.events import TrackingEvent

View = Callable[[HttpRequest, TrackingEvent], HttpResponseBase]


def webhook(check: Check) -> Callable[[View], Callable[[HttpRequest], HttpResponseBase]]:
    """Return a view that accepts webhooks, made of one of ``(request, event)``: by POST, exempt from CSRF checks."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
        @wraps(view)
        def receive(request: HttpRequest) -> HttpResponseBase:
            try:
                event = check(request.body, request.headers)
            except RefusedWebhookError as error:
                return HttpResponse(f"{error}\n", status=401, content_type="text/plain")
            except UnreadableEventError as error:
                return HttpResponse(f"{error}\n", status=400, content_type="text/plain")
            return view(request, event)

        exempt: Callable[[HttpRequest], HttpResponseBase] = csrf_exempt(require_POST(receive))
        return exempt

    return decorate
