"""Input for snippets and the start of the expected output, by behaviour: named cases for a way and a time."""

import base64
import json
from dataclasses import replace

from tests.support.snippets.runtimes import Given
from waypost import payloads
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE
from waypost.payloads.samples import sample_state
from waypost.portal.snippets import Way
from waypost.signing import standard, v2v3, v4
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

ID = "evt_019ca8695000700080000000000000ff"
SECRET = standard.make_secret(bytes(range(32)))
OTHER = standard.make_secret(bytes(range(1, 33)))
BROUGHT = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
EMAIL = "ops@example.test"
KEYS = {Way.STANDARD: SECRET, Way.V4: SECRET, Way.V3: EMAIL, Way.V2: EMAIL}
# Spaces, an escape and a letter beyond ASCII: whoever reads and writes it again makes other bytes of it.
BODY = '{ "code" : 200, "note":"na\\u00efve \u00e9t\u00e9", "weight":1.50 }\n'.encode()

SIGNED_HEADERS = {
    Way.STANDARD: ("webhook-id", "webhook-timestamp", "webhook-signature"),
    Way.V4: ("timestamp", "signature"),
}
SIGNED_FIELDS = {Way.V3: ("verify", "timestamp", "signature"), Way.V2: ("verifyInfo", "timeStr", "signature")}

# How an answer begins, in lower case and without the full stop that some languages write.
OK = "ok"
REFUSED = "refused: "
STALE = "refused: the timestamp is more than 300 seconds off"
NO_NUMBER = "refused: the timestamp is not a number of seconds"
UNFIT = {
    Way.STANDARD: "refused: no signature matches",
    Way.V4: "refused: the signature does not match",
    Way.V3: "refused: the signature does not match",
    Way.V2: "refused: the signature does not match",
}
NO_FIELDS = {
    Way.V3: "refused: the body is not json with verify.timestamp and verify.signature",
    Way.V2: "refused: the body is not json with verifyinfo.timestr and verifyinfo.signature",
}


def webhook(way, timestamp, key=None, body=BODY):
    """Sign as Waypost does; the timestamp may be invalid text."""
    key = key or KEYS[way]
    match way:
        case Way.STANDARD:
            signature = standard.sign(ID, timestamp, body, standard.key_of(key))
            headers = {"webhook-id": ID, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
            return Given(body, headers, standard.standard_secret(key))
        case Way.V4:
            return Given(body, {"timestamp": str(timestamp), "signature": v4.sign(timestamp, key)}, key)
        case _:
            return signed_inside(way, timestamp, v2v3.sign(timestamp, key), key)


def signed_inside(way, timestamp, signature, key=EMAIL):
    part, when, by = SIGNED_FIELDS[way]
    return with_json({"data": {"note": '"\\{[\u00e9'}, part: {when: timestamp, by: signature, "usertag": ""}}, key)


def with_json(document, key=EMAIL):
    return Given(json.dumps(document).encode(), {"content-type": "application/json"}, key)


def resigned(given, way, signature):
    """Put another signature in a webhook's place for it."""
    if way in SIGNED_FIELDS:
        part, when, _ = SIGNED_FIELDS[way]
        return signed_inside(way, json.loads(given.body)[part][when], signature)
    return replace(given, headers={**given.headers, SIGNED_HEADERS[way][-1]: signature})


def signature_of(given, way):
    if way in SIGNED_FIELDS:
        part, _, by = SIGNED_FIELDS[way]
        return json.loads(given.body)[part][by]
    return given.headers[SIGNED_HEADERS[way][-1]]


def sent(way, now):
    taken = {"now": webhook(way, now), "four minutes ago": webhook(way, now - 240), "ahead": webhook(way, now + 240)}
    match way:
        case Way.STANDARD:
            headers = dict(standard_headers(Secrets(SECRET), ID, now, BODY))
            taken["as dispatch signs it"] = Given(BODY, {**headers, "x-other": "\u00e9"}, SECRET)
            taken["a secret that was brought along"] = webhook(way, now, BROUGHT)
            taken["a body that is not text"] = webhook(way, now, body=b"\x00\xff\xfe\r\n")
            taken["an empty body"] = webhook(way, now, body=b"")
        case Way.V4:
            taken["as dispatch signs it"] = Given(BODY, dict(v4_headers(Secrets(SECRET), now)), SECRET)
            taken["a secret that was brought along"] = webhook(way, now, BROUGHT)
        case _:
            taken["an address beyond ASCII"] = webhook(way, now, "\u00fcnal@example.test")
            taken["a timestamp as text"] = webhook(way, str(now))
            for status in SELECTABLE:
                version = Version(way.upper())
                rendered = payloads.render(version, sample_state(status))
                body = payloads.sign_inside(version, rendered, now, v2v3.sign(now, EMAIL))
                taken[f"as dispatch sends it: {status}"] = Given(body, {}, EMAIL)
    return {name: (given, OK) for name, given in taken.items()}


def rotated(way, now):
    headers = dict(standard_headers(Secrets(OTHER, SECRET, now + 60), ID, now, BODY))
    fitting = headers["webhook-signature"].split(" ")[1]
    offered = {
        "the second fits": headers["webhook-signature"],
        "the first fits": f"{fitting} v1,AAAA",
        "other versions and junk before it": f"v1a,AAAA  v2,\u00e9 junk v1, {fitting}",
    }
    return {name: (resigned(Given(BODY, headers, SECRET), way, value), OK) for name, value in offered.items()}


def changed(way, now):
    given = webhook(way, now)
    bodies = {"a digit": BODY.replace(b"200", b"201"), "its end": BODY.rstrip(), "all of it": b""}
    if way in SIGNED_FIELDS:
        bodies = {"a field beside": given.body.replace(b'"note"', b'"tone"')}
    expected = UNFIT[way] if way is Way.STANDARD else OK
    return {name: (replace(given, body=body), expected) for name, body in bodies.items()}


def renamed(way, now):
    given = webhook(way, now)
    ids = {"another": ID[:-1] + "e", "beyond ASCII": "evt_\u00e9"}
    return {
        name: (replace(given, headers={**given.headers, "webhook-id": id_}), UNFIT[way]) for name, id_ in ids.items()
    }


def keys(way, now):
    given = webhook(way, now)
    wrong = {
        Way.STANDARD: {
            "another": (OTHER, UNFIT[way]),
            "as V4 takes it": (BROUGHT, "refused: the secret is not whsec_ followed by base64"),
            "its prefix alone": ("whsec_", "refused: the secret is not whsec_ followed by base64"),
            "one letter": ("whsec_A", "refused: the secret is not whsec_ followed by base64"),
            "not base64": ("whsec_!not base64!", "refused: the secret is not whsec_ followed by base64"),
            "beyond ASCII": ("whsec_\u00e9\u00e9\u00e9\u00e9", "refused: the secret is not whsec_ followed by base64"),
            "prefix within": ("x" + SECRET, "refused: the secret is not whsec_ followed by base64"),
            "empty": ("", "refused: the secret is not whsec_ followed by base64"),
        },
        Way.V4: {"another": (OTHER, UNFIT[way]), "empty": ("", "refused: the secret is empty")},
    }
    in_body = {"another": ("ops@example.tes", UNFIT[way]), "empty": ("", "refused: the e-mail address is empty")}
    return {name: (replace(given, key=key), reason) for name, (key, reason) in wrong.get(way, in_body).items()}


def signed_with_nothing(way, now):
    """Return what a forger sends who hopes that the receiver's key is empty."""
    timestamp = str(now)
    forged = {
        Way.STANDARD: lambda: resigned(webhook(way, now), way, standard.sign(ID, now, BODY, b"")),
        Way.V4: lambda: resigned(webhook(way, now), way, v4.sign(now, "")),
    }
    given = forged.get(way, lambda: signed_inside(way, timestamp, v2v3.sign(now, "")))()
    nothing = ["", "whsec_"] if way is Way.STANDARD else [""]
    return {repr(key): (replace(given, key=key), REFUSED) for key in nothing}


def ages(way, now):
    # Ahead by more than it takes to start any runtime: until then it comes nearer.
    times = {"301 s old": now - 301, "a day old": now - 86_400, "epoch": 0, "ahead": now + 390, "far": 10**12 - 1}
    return {name: (webhook(way, timestamp), STALE) for name, timestamp in times.items()}


def missing(way, now):
    given = webhook(way, now)
    if way in SIGNED_HEADERS:
        return {
            f"{name} {how}": (replace(given, headers=headers), f"refused: the header {name} is missing")
            for name in SIGNED_HEADERS[way]
            for how, headers in (
                ("not there", {key: value for key, value in given.headers.items() if key != name}),
                ("empty", {**given.headers, name: ""}),
            )
        }
    part, when, by = SIGNED_FIELDS[way]
    fields = json.loads(given.body)[part]
    return {
        "all": (with_json({"data": {}}), NO_FIELDS[way]),
        "timestamp": (with_json({part: {by: fields[by]}}), NO_FIELDS[way]),
        "signature": (with_json({part: {when: fields[when]}}), NO_FIELDS[way]),
        "null timestamp": (signed_inside(way, None, fields[by]), REFUSED),
        "null signature": (signed_inside(way, now, None), REFUSED),
        "at another place": (with_json({"data": {part: fields}}), NO_FIELDS[way]),
        "in the headers": (replace(given, body=b"{}", headers={when: str(now), by: fields[by]}), NO_FIELDS[way]),
    }


def no_timestamps(way, now):
    fresh = str(now)
    texts = {
        "a word": "now", "beyond ASCII": "\u00e9", "a fraction": f"{fresh}.0", "an exponent": "1e9",
        "plus": f"+{fresh}", "minus": f"-{fresh}",
        "a space before": f" {fresh}", "a space behind": f"{fresh} ", "a line's end": f"{fresh}\n", "hex": hex(now),
        "grouped": f"{fresh[0]}_{fresh[1:]}", "milliseconds": f"{fresh}000", "5,000 digits": "1" * 5000,
        "other digits": fresh.translate({48 + digit: 0x660 + digit for digit in range(10)}), "null byte": f"{fresh}\0",
    }  # fmt: skip
    # In a body a language's own JSON reader may be the first to say no.
    reason = REFUSED if way in SIGNED_FIELDS else NO_NUMBER
    cases = {name: (webhook(way, text), reason) for name, text in texts.items()}
    if way in SIGNED_FIELDS:
        for value in (now + 0.5, -now, 10**12, 10**30, 10**400, True, [now], {"seconds": now}, "", "\ud800"):
            cases[f"JSON {str(value)[:40]!a}"] = (signed_inside(way, value, v2v3.sign(now, EMAIL)), REFUSED)
    return cases


def no_signatures(way, now):
    given = webhook(way, now)
    right = signature_of(given, way)
    texts = {
        "truncated": right[:-1], "its beginning": right[:8], "longer": right + "0", "not ASCII": "\u00e9" * 64,
        "other digits": "\u0661" * 64, "an emoji": "\U0001f4e6", "a comma": ",", "null byte": right + "\0",
    }  # fmt: skip
    if way is Way.STANDARD:
        texts |= {
            "no version": right.removeprefix("v1,"), "another version": right.replace("v1,", "v2,"), "no base64": "v1,",
            "v1 beyond ASCII": "v1,\u00e9\u00e9\u00e9\u00e9", "not base64": "v1,%%%=", "only spaces": "   ",
            "hex": "v1," + base64.b64decode(right.removeprefix("v1,")).hex(), "apart by commas": f"{right},{right}",
        }  # fmt: skip
    else:
        texts |= {"a line's end": right + "\n", "upper case": right.upper()}
        texts |= {"base64": base64.b64encode(bytes.fromhex(right)).decode()}
    cases = {name: (resigned(given, way, text), UNFIT[way]) for name, text in texts.items()}
    if way in SIGNED_FIELDS:
        for value in (5, True, [right], {"signature": right}, "", "\ud800", "\ud800" * 64):
            cases[f"JSON {value!a:.40}"] = (signed_inside(way, now, value), REFUSED)
    return cases


def no_json(way, now):
    valid = webhook(way, now).body
    bodies = {
        "empty": b"", "a word": b"not json", "no text": b"\xff\xfe\x00", "cut short": valid[:-1],
        "too long": valid + b"}", "two": valid + valid, "form": b"verify=1&signature=2", "an open text": valid[:-3],
        "a null byte": b"\0" + valid, "single quotes": valid.replace(b'"', b"'"),
        "no commas": valid.replace(b",", b" "), "no colons": valid.replace(b":", b" "),
        "commas for colons": valid.replace(b":", b","), "a name without quotes": valid.replace(b'"data"', b"data"),
        "a comma at the end": valid[:-1] + b",}", "another bracket": valid[:-1] + b"]",
        "brackets mixed": valid[:-1] + b',"x":[1}}', "a comma for a value": valid[:-1] + b',"x":,}',
        "an open list": valid[:-1] + b',"x":[1}', "a half word": valid[:-1] + b',"x":tru}', "deep": b"[" * 100_000,
        "deep objects": b'{"a":' * 100_000, "deep within": valid[:-1] + b',"x":' + b"[" * 100_000,
    }  # fmt: skip
    return {name: (Given(body, {}, EMAIL), NO_FIELDS[way]) for name, body in bodies.items()}


def broken_texts(way, now):
    """Return JSON with an invalid UTF-8 byte, which some parsers accept: it must verify with none."""
    valid, stray = webhook(way, now).body, b'"\xff"'
    return {
        "as timestamp": (Given(valid.replace(str(now).encode(), stray), {}, EMAIL), REFUSED),
        "as signature": (Given(signed_inside(way, now, "@").body.replace(b'"@"', stray), {}, EMAIL), REFUSED),
        "as a name": (Given(b"{" + stray + b":1," + valid[1:], {}, "x" + EMAIL), REFUSED),
        "in a text": (Given(valid.replace(b'"data"', stray), {}, "x" + EMAIL), REFUSED),
    }


def no_objects(way, now):
    document = json.loads(webhook(way, now).body)
    part = SIGNED_FIELDS[way][0]
    fields = document[part]
    listed = list(fields.values())
    values: tuple[object, ...] = ("text", "", 5, None, True, [], {}, [fields], json.dumps(fields), listed)
    whole: tuple[object, ...] = ("text", 5, None, True, [], {}, [document], json.dumps(document), [part, fields])
    return {
        **{f"{part} {value!a:.60}": (with_json({**document, part: value}), NO_FIELDS[way]) for value in values},
        **{f"body {value!a:.60}": (with_json(value), NO_FIELDS[way]) for value in whole},
    }


ALWAYS = [sent, changed, keys, signed_with_nothing, ages, missing, no_timestamps, no_signatures]
ASKED = {
    Way.STANDARD: [*ALWAYS, rotated, renamed],
    Way.V4: ALWAYS,
    Way.V3: [*ALWAYS, no_json, no_objects, broken_texts],
    Way.V2: [*ALWAYS, no_json, no_objects, broken_texts],
}
