"""Every route of the pages: those that are public, those for users, and the forms with their fields."""

HOME = "/developer/webhooks"
ONE = HOME + "/{endpoint_id:str}"
PARCEL = "/trackings/{tracking_id:str}"
CONNECTION = "/sources/{connection_id:str}"
UPS = {"credential-client_id": "me", "credential-client_secret": "secret"}
PUSHES = {"name": "Pushes", "credential-secret": "a long enough secret"}
OF_PUSHES = ("choices", "secrets", "address", "read-again")
"""Actions on a connection that a service pushes to."""
NOBODY = "0192f4f0-5b0e-7000-8000-000000000001"
ONE_DELIVERY = f"{HOME}/history/{{delivery_id:str}}"
ACTION = f"{HOME}/history/matching/{{action_id:str}}"
FIELDS = {
    "url": "http://127.0.0.1/new",
    "version": "V3",
    "which": "some",
    "status": "delivered",
    "trigger": "every_update",
}

BY_MAIL = ("/password/lost", "/password/{token:str}", "/address/{token:str}")
OPEN = {
    *(("GET", "/favicon.ico"), ("GET", "/help/images/{name:str}")),
    *(("GET", "/docs"), ("GET", "/docs/{name:str}")),
    *(("GET", "/help"), ("GET", "/help/index"), ("GET", "/help/{chapter:str}/{name:str}")),
    ("POST", "/logout"),
    *((method, path) for method in ("GET", "POST") for path in (*("/login", "/login/{token:str}"), *BY_MAIL)),
}
"""Public pages."""

PAGES = {
    "/",
    *(f"{ONE}/{tab}" for tab in ("deliveries", "test", "set-up", "settings")),
    *(HOME, ONE, f"{ONE}/sample", f"{ONE}/recoveries", f"{HOME}/history", f"{HOME}/history/new", ONE_DELIVERY),
    *(f"{HOME}/history/export.csv", f"{HOME}/history/matching"),
    *("/developer/specifications", "/developer/outgoing-ips", "/developer/debugger", "/developer/apikeys"),
    *("/settings", "/settings/audit", "/settings/alerts", "/settings/alerts/{channel_id:str}", "/incidents"),
    *(
        "/trackings/import",
        "/trackings/import/example.csv",
        "/trackings/import/columns",
        "/trackings/export.csv",
        "/trackings",
        PARCEL,
    ),
    *("/sources", "/sources/unread", "/sources/connect", "/sources/connect/{source:str}", CONNECTION),
    "/sources/connect-push/{source:str}",
}
"""Pages for signed-in users."""

ALERT_CHANNEL = {"service": "slack", "target": {"url": "https://127.0.0.1/"}}
FORMS: dict[str, dict[str, str]] = {
    HOME: FIELDS,
    f"{ONE}/update": {**FIELDS, "allow_duplicate": "true"},
    f"{ONE}/probe": {},
    f"{ONE}/use-url": {"url": "https://127.0.0.1/new"},
    f"{ONE}/test": {"status": "delivered"},
    **{f"{ONE}/{name}": {} for name in ("probe", "disable", "enable", "rotate", "end-rotation")},
    f"{ACTION}/start": {},
    f"{ACTION}/stop": {},
    f"{HOME}/history/matching": {"do": "resend", "state": "failed"},
    f"{HOME}/history/selected": {"do": "resend"},
    f"{ONE_DELIVERY}/retry": {},
    f"{ONE_DELIVERY}/resend": {},
    f"{ONE_DELIVERY}/cancel": {},
    f"{ONE}/recover": {"since": "2026-01-01T00:00", "only": "all"},
    f"{ONE}/recoveries/{{recovery_id:str}}/stop": {},
    f"{ONE}/delete": {},
    "/developer/apikeys": {"name": "A", "scope": "read", "days": ""},
    "/developer/apikeys/{key_id:str}/revoke": {},
    "/trackings/import": {"rows": "tracking_number,courier_code\nNEW,dhl"},
    "/trackings/import/columns": {"column-tracking_number": "0"},
    "/sources/unread/clear": {},
    "/sources/connect/{source:str}": UPS,
    "/sources/connect-push/{source:str}": PUSHES,
    **{f"{CONNECTION}/{name}": PUSHES for name in OF_PUSHES},
    f"{CONNECTION}/update": {"name": "Other"},
    f"{CONNECTION}/credentials": UPS,
    **{f"{CONNECTION}/{name}": {} for name in ("test", "disable", "enable", "delete")},
    "/developer/debugger": {"body": "{}", "headers": "", "secret": "x", "email": ""},
    "/trackings": {"tracking_number": "NEW1", "courier_code": "dhl"},
    **{f"{PARCEL}/{name}": {} for name in ("archive", "unarchive", "refresh", "retrack", "delete")},
    "/settings": {"name": "A", "email": "signing@example.com", "accent": "#123456", "embed_origins": ""},
    "/settings/time-zone": {"time_zone": "Europe/Berlin"},
    "/settings/users": {"email": "new@example.com", "password": "a password", "role": "member"},
    "/settings/users/invite": {"email": "invited@example.com"},
    "/settings/address": {"email": "moved@example.com", "current": "correct horse"},
    "/settings/users/{user_id:str}/role": {"role": "owner"},
    "/settings/users/{user_id:str}/remove": {},
    "/settings/alerts": {"service": "slack", "url": "https://127.0.0.1/", "name": "A", "kind": "endpoint_failing"},
    "/settings/alerts/time-zone": {"time_zone": "Europe/Berlin"},
    "/settings/alerts/{channel_id:str}/update": {"name": "B", "kind": "endpoint_failing"},
    **{f"/settings/alerts/{{channel_id:str}}/{name}": {} for name in ("test", "switch", "delete")},
    "/settings/password": {"current": "correct horse", "password": "a new one"},
}
"""Their actions, in a possible order, with the fields of each form."""
