"""What the text of a scan says about a parcel, for carriers and callers that give no status with it.

English and German, and cautious: a plan ("will be delivered"), a condition ("if you are not at home") and a negation
("not delivered yet") are not read as what happened. What is not understood is None, never a guess: a wrong
``delivered`` costs more than a missing one, since nothing but a return comes after it.
"""

import re
from functools import cached_property, lru_cache
from typing import Final
from unicodedata import normalize

_LONGEST: Final = 500
_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "\u2019": "'", "\u2010": "-", "\u2011": "-", "_": " "}
)
_CLAUSE_END: Final = re.compile(r"[.;!?]+(?:\s|$)|\s[-\u2013\u2014|]\s")
_PART_END: Final = re.compile(r"[,:]|\b(?:and|und|but|aber|where|which)\b")

_CONDITION: Final = re.compile(
    r"\b(?:if|unless|in case|otherwise|as soon as|once|falls|wenn|sobald|sofern|andernfalls|ansonsten|sonst)\b"
)
_NOT_YET: Final = re.compile(
    r"\b(?:not|never|no|cannot|unable|failed|without|nicht|nie|kein\w*|ohne"
    r"|will|shall|should|would|could|may|might|must|can|being|to be|ready to|expected|scheduled|planned|estimated"
    r"|anticipated|until|before|next|wird|werden|soll\w*|kann|koennen|voraussichtlich|geplant|naechste\w*|bevor|bis"
    r"|attempt\w*)\b|n't\b"
)

_RECIPIENT: Final = r"(?:recipient|addressee|consignee|customer|receiver)"
_EMPFAENGER: Final = r"(?:empfaenger\w*|adressat\w*|kunden?)"
_SENDER: Final = r"(?:the )?(?:original )?(?:sender|shipper|consignor|seller|merchant)"
_PARCEL: Final = r"(?:shipment|parcel|package|order|label|consignment|sendung|paket|auftrag)"
_POINT: Final = (
    r"(?:packstation|parcel ?shop|post office|postal facility|retail outlet|branch|service ?point|access point"
    r"|pick-?up point|postfiliale|filiale|paketshop|abholstation|parcel locker for pick-?up)"
)
_PLACES: Final = (
    r"(?:neighbou?r|(?:front |back |side )?door|doorstep|porch|garage|safe (?:place|location|drop)|locker|mail ?room"
    r"|reception|front desk|concierge|guard|security|(?:agreed|preferred|alternative) (?:drop-?off )?(?:location|place)"
    r"|drop-?off location)"
)
_ORTE: Final = r"(?:nachbar\w*|wunschort|ablageort|ersatzempfaenger|empfangstheke|pfoertner|haustuer|garage)"
_ABGEGEBEN: Final = r"(?:zugestellt|uebergeben|abgelegt|hinterlegt|ausgehaendigt|abgegeben|abgestellt)"
_HUBS: Final = (
    r"(?:hub|facility|sort\w*|parcel cent(?:er|re)|mail cent(?:er|re)|depot|terminal|distribution cent(?:er|re)"
    r"|processing cent(?:er|re)|gateway|warehouse|region of|recipient's region|sender's region)"
)
_ZENTREN: Final = (
    r"(?:paketzentrum|briefzentrum|sortierzentrum|verteilzentrum|umschlagbasis|zielregion|region|depot|hub)"
)


class _Rule:
    """A substatus and how it is said.

    A condition before the match always voids it; with ``firm`` also a plan or a negation in the same part of the
    sentence; ``unless`` voids it wherever it stands in the sentence.

    Compiled when the first text is read: that takes ten milliseconds, and most commands read none.
    """

    def __init__(self, substatus: str, *ways: str, firm: bool = True, unless: str | None = None) -> None:
        self.substatus = substatus
        self.firm = firm
        self._ways = ways
        self._unless = unless

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(self._ways))

    @cached_property
    def unless(self) -> re.Pattern[str] | None:
        return None if self._unless is None else re.compile(self._unless)


_RETURN: Final = (
    _Rule(
        "exception010",
        rf"(?<!is )(?<!are )\b(?:returned|delivered(?: back)?|handed back) to {_SENDER}\b",
        r"\breturn(?: shipment)? (?:has been |was )?delivered\b",
        r"\b(?:an den|dem) absender (?:wieder )?(?:zurueck)?(?:zugestellt|uebergeben|ausgehaendigt)\b",
        r"\b(?:ruecksendung|retoure) (?:wurde )?(?:erfolgreich )?zugestellt\b",
    ),
    _Rule(
        "exception011",
        r"\b(?:being|be|is|are) (?:returned|sent back)\b(?! to (?:the )?(?:\w+ )?(?:facility|depot|hub|base|station))",
        rf"\breturn(?:ing|ed)? to {_SENDER}\b",
        r"\breturn (?:to origin|in progress|initiated|started|journey)\b",
        r"\bon (?:its|the) way back\b",
        r"\bzurueckge(?:sandt|sendet|schickt)\b",
        r"\bruecksendung (?:an den absender|eingeleitet|veranlasst)\b",
        r"\bzurueck an den absender\b|\ban den absender zurueck\b",
        firm=False,
        unless=r"\b(?:can|may|might|not|cannot|kann|koennen|nicht) (?:\w+ ){0,5}(?:be |been )?(?:return|sent|zurueck)"
        r"|\b(?:if|unless|falls|wenn|sofern)\b",
    ),
)

_STOPPED: Final = (
    _Rule(
        "exception008",
        rf"\b{_PARCEL}\b[^,]{{0,40}}\b(?:cancell?ed|voided|storniert|annulliert)\b",
        r"^(?:cancell?ed|storniert)\b",
    ),
    _Rule(
        "exception009",
        r"\brefused\b|\brefusal\b|\bdeclined by\b",
        rf"\brejected by (?:the )?{_RECIPIENT}\b",
        r"\bverweigert\b",
        unless=r"\bcustoms\b|\bzoll",
    ),
    _Rule(
        "exception007",
        r"\b(?:lost|damaged|destroyed|discarded|disposed of)\b",
        r"\bbeschaedigt|\bverloren\b|\bvernichtet\b|\bentsorgt\b",
    ),
    _Rule(
        "exception004",
        r"\bunclaimed\b|\bnot (?:been )?(?:collected|claimed) (?:by|in|within)\b",
        r"\b(?:collection|storage|holding) period (?:has )?(?:expired|ended)\b",
        r"\bnicht abgeholt\b|\b(?:abhol|lager|aufbewahrungs)frist (?:ist )?(?:abgelaufen|ueberschritten)\b",
        firm=False,
        unless=r"\b(?:yet|noch|carrier|courier)\b",
    ),
)

_CUSTOMS: Final = (
    _Rule(
        "transit005",
        r"\bcustoms\b[^,]{0,30}\b(?:cleared|completed|complete|released|finished)\b",
        r"\b(?:cleared|released)\b[^,]{0,20}\bcustoms\b",
        r"\bclearance (?:processing )?(?:is |was |has been )?completed?\b",
        r"\b(?:zoll\w*|verzollung)\b[^,]{0,30}\b(?:abgeschlossen|freigegeben|erledigt|beendet)\b|\bverzollt\b",
    ),
    _Rule(
        "exception006",
        r"\b(?:held|hold|holding|detained|retained|delayed|pending|awaiting)\b[^,]{0,50}\b(?:customs|clearance)\b",
        r"\bcustoms\b[^,]{0,30}\b(?:hold|held|delay|detained|pending|inspection|requires?|required|needed)\b",
    ),
    _Rule(
        "exception006",
        r"\b(?:wartet|liegt|angehalten|festgehalten|zurueckgehalten)\b[^,]{0,40}\b(?:zoll\w*|verzollung)\b",
        r"\bzoll\w*\b[^,]{0,40}\b(?:angehalten|festgehalten|zurueckgehalten|benoetigt|fehl\w+)\b",
        firm=False,
        unless=r"\b(?:kann|koennte|koennen|nicht)\b",
    ),
)

_COLLECT: Final = (
    _Rule(
        "pickup002",
        r"\b(?:ready|available|held) (?:for|to be) (?:\w+ )?(?:pick(?:ed)?[- ]?up|collect(?:ion|ed))\b",
        r"\bheld at\b[^,]{0,40}\bfor (?:\w+ )?(?:pick-?up|collection)\b",
        r"\bcan (?:now )?be (?:picked up|collected)\b",
        rf"\bawaiting {_RECIPIENT} (?:pick-?up|collection)\b",
        r"\bzur abholung (?:\w+ ){0,4}bereit\b|\bbereit zur abholung\b|\babholbereit\b",
        r"\bkann (?:\w+ ){0,8}abgeholt werden\b",
        firm=False,
        unless=r"\b(?:will be|being|not (?:yet )?(?:ready|available)|tomorrow|next (?:working |business )?day"
        r"|(?:as of|from|ab) (?:\d|dem|mon|tues|wednes|thurs|fri|satur)"
        r"|notice|card|courier|carrier|driver|noch nicht|wird|morgen)",
    ),
    _Rule(
        "pickup002",
        rf"\b(?:delivered|taken|brought|dropped off|deposited|placed)\b[^,]{{0,40}}\b{_POINT}\b",
        rf"\b{_POINT} (?:eingestellt|hinterlegt)\b",
        unless=r"\bpicked up at\b",
    ),
)

_ATTEMPT: Final = (
    _Rule(
        "undelivered001",
        r"\b(?:incorrect|incomplete|wrong|bad|insufficient|invalid) (?:\w+ )?address\b",
        r"\baddress (?:\w+ ){0,3}(?:incorrect|incomplete|wrong|insufficient|invalid|not (?:be )?found)\b",
        rf"\b{_RECIPIENT} (?:has )?moved\b",
        r"\bunbekannt verzogen\b|\b(?:falsche|unvollstaendige|fehlerhafte) (?:\w+ )?(?:adresse|anschrift)\b",
        r"\b(?:adresse|anschrift)\b[^,]{0,30}\b(?:falsch|unvollstaendig|fehlerhaft|nicht gefunden)\b",
        firm=False,
    ),
    _Rule(
        "undelivered002",
        r"\b(?:nobody|no one|not)(?: was)?(?: at)? home\b|\bno authori[sz]ed recipient\b|\bnotice left\b",
        rf"\b{_RECIPIENT}(?: was| is| has)? not (?:at home|home|present|available|in|been met|met)\b",
        rf"\b{_RECIPIENT}(?: was| is)? (?:absent|unavailable)\b",
        rf"\b{_RECIPIENT} could not be met\b|\b(?:business|premises|office) (?:was |is )?closed\b",
        r"\bnicht angetroffen\b|\bniemand(?:en)? (?:angetroffen|anwesend|zu ?hause)\b|\bnicht (?:zu ?hause|anwesend)\b",
        firm=False,
    ),
    _Rule(
        "undelivered003",
        rf"\b{_RECIPIENT} (?:\w+ ){{0,2}}not (?:be )?(?:located|found|contacted|reached|known|identified)\b",
        rf"\b{_RECIPIENT} (?:is )?unknown\b",
        r"\bunable to (?:locate|contact|reach)\b",
        rf"\b{_EMPFAENGER} (?:\w+ ){{0,3}}(?:nicht (?:ermittelt|gefunden|erreicht|bekannt|ermittelbar)|unbekannt)\b",
        firm=False,
    ),
    _Rule(
        "undelivered004",
        r"\b(?:could|can|was) ?not (?:be )?delivered\b|\bnot delivered\b|\bunable to deliver\b",
        r"\bundeliver(?:ed|able)\b",
        r"\b(?:attempted delivery|delivery (?:was )?attempt(?:ed)?)\b",
        r"\bdelivery (?:has |was )?(?:failed|unsuccessful|not (?:possible|successful))\b|\bfailed delivery\b",
        r"\bdelivery exception\b|\bmissed delivery\b|\bunsuccessful delivery\b",
        r"\bnicht zugestellt\b|\bunzustellbar\b|\bzustellversuch\b",
        r"\bzustellung (?:war |ist )?(?:leider )?(?:nicht moeglich|erfolglos|gescheitert|fehlgeschlagen)\b",
        firm=False,
        unless=r"\b(?:yet|noch|next|new|another|no|erneut\w*|neue\w*|naechste\w*|weitere\w*|kein\w*)\b",
    ),
)

_AT_THE_DOOR: Final = (
    _Rule(
        "pickup001",
        r"\bout for delivery\b|\bin delivery\b|\bwith (?:the )?delivery (?:courier|driver)\b",
        r"\bwith (?:the )?courier\b|\bdelivery (?:vehicle|van)\b|\bvehicle for delivery\b",
        r"\bin (?:der )?zustellung\b|\bzustellfahrzeug\b",
    ),
    _Rule(
        "pickup003",
        rf"\b{_RECIPIENT} (?:has been |was )?contacted\b",
        r"\bdelivery appointment (?:has been |was )?(?:agreed|arranged|made|booked)\b",
        r"\bliefertermin (?:wurde )?vereinbart\b",
    ),
)

_DELIVERED: Final = (
    _Rule(
        "delivered004",
        rf"\b(?:delivered|left|deposited|handed over)\b[^.]{{0,50}}\b{_PLACES}\b",
        rf"\b{_ORTE}\b[^,]{{0,40}}\b{_ABGEGEBEN}\b|\b{_ABGEGEBEN}\b[^,]{{0,40}}\b{_ORTE}\b",
        unless=r"\b(?:notice|card|note|notification|karte|partial\w*)\b",
    ),
    _Rule(
        "delivered003",
        r"\bsigned (?:for )?by\b|\bsigned for\b|\bsignature (?:obtained|received)\b|\bdelivered\b[^.]{0,30}\bsigned\b",
        r"\bgegen unterschrift (?:zugestellt|uebergeben)\b",
    ),
    _Rule(
        "delivered002",
        rf"\b(?:picked up|collected)\b[^,]{{0,20}}\bby (?:the )?{_RECIPIENT}\b",
        rf"\b{_RECIPIENT} (?:has )?(?:picked up|collected)\b|\bpicked up at (?:the |a )?{_POINT}\b",
        rf"\b{_EMPFAENGER}\b[^,]{{0,60}}\babgeholt\b|\baus der {_POINT} (?:abgeholt|entnommen)\b",
        rf"\b(?:in|an) (?:der|einer|einem) {_POINT} abgeholt\b",
    ),
    _Rule(
        "delivered001",
        r"\bdelivered\b(?!(?: back)? (?:to|at|by|from) (?:the |a |our |your |local )*"
        r"(?:carrier|courier|dhl|hub|facility|depot|parcel cent|sort|airport|airline|customs|partner|sender|shipper))",
        r"\bdelivery (?:was |has been )?(?:successful|completed)\b|\bsuccessful delivery\b",
        rf"\bhanded over to (?:the )?{_RECIPIENT}\b",
        r"\bzugestellt\b|\berfolgreich ausgeliefert\b|\bzustellung (?:war |ist )?(?:erfolgreich|erfolgt)\b",
        rf"\b(?:an den|dem) {_EMPFAENGER} (?:uebergeben|ausgehaendigt)\b",
        unless=r"\b(?:partial\w*|part of|teilweise|data|daten|information|details)\b",
    ),
)

_ANNOUNCED: Final = (
    _Rule(
        "inforeceived001",
        r"\blabel (?:has been |was )?(?:created|printed|generated)\b|\bpre[- ]?(?:shipment|advice|transit)\b",
        r"\b(?:shipment|shipping|order|billing|instruction) (?:info(?:rmation)?|data|details?)\b",
        r"\belectronically\b|\belectronic ?information\b",
        r"\bawaiting (?:item|package|parcel|shipment|pick-?up|collection)\b",
        r"\belektronisch\b|\bangekuendigt\b|\b(?:auftrags|sendungs)daten\b",
        firm=False,
    ),
)

_MOVING: Final = (
    _Rule("exception005", r"\bon hold\b|\bshipment exception\b|\b(?:sendung|paket)\b[^,]{0,30}\bangehalten\b"),
    _Rule(
        "transit004",
        r"\barriv\w+ (?:in|at) (?:the )?(?:destination|recipient's) country\b",
        r"\bim (?:ziel|bestimmungs|empfaenger)land (?:angekommen|eingetroffen)\b",
        r"\b(?:ziel|bestimmungs|empfaenger)land (?:erreicht)\b",
    ),
    _Rule(
        "transit007",
        r"\b(?:departed|left)\b[^,]{0,30}\bairport\b|\bflight (?:has )?departed\b|\bto (?:the )?airline\b",
        r"\bflughafen\b[^,]{0,30}\b(?:verlassen|abgeflogen)\b",
    ),
    _Rule(
        "transit003",
        r"\barriv\w+ (?:at|in) (?:the |a |your |local |dhl )*delivery (?:facility|depot|base|station|office)\b",
        r"\barriv\w+ (?:at|in) (?:the |a |your |local )*(?:delivery cent(?:er|re)|post office)\b",
        r"\bzustellbasis\b[^,]{0,30}\b(?:angekommen|eingetroffen|bearbeitet)\b",
    ),
    _Rule(
        "transit006",
        r"\bd[ei]spatched\b|\bdepart(?:ed)?\b|\bleft (?:the |a )?(?:\w+ ){0,2}(?:facility|hub|depot|terminal)\b",
        r"\bprepared for (?:onward )?(?:transport|dispatch)\b|\bweitertransport vorbereitet\b",
        rf"\b{_ZENTREN}\b[^,]{{0,30}}\bverlassen\b",
    ),
    _Rule(
        "transit002",
        rf"\b(?:arriv\w+|processed|sorted)\b[^,]{{0,40}}\b{_HUBS}|\bprocessed at\b",
        r"\bsorting complete\b|^at (?:\w+ ){1,3}facility\b",
        rf"\b{_ZENTREN}\b[^,]{{0,40}}\b(?:angekommen|eingetroffen|bearbeitet|sortiert)\b",
    ),
    _Rule("transit001", r"\bdelay|\bverzoeger|\bverspaet", firm=False),
    _Rule(
        "transit001",
        r"\bin transit\b|\bon (?:the|its) way\b|\b(?:accepted|picked up|collected|forwarded|received by|posted)\b",
        r"\bhanded over to (?:dhl|the carrier|the courier)\b|\barrived\b|\bprocessed\b|\bcustoms\b|\bclearance\b",
        r"\bacceptance\b|\bin (?:\w+ )?possession\b",
        r"\bunterwegs\b|\bauf dem weg\b|\beingeliefert\b|\babgeholt\b|\bangekommen\b|\beingetroffen\b|\bbearbeitet\b",
        r"\bweitergeleitet\b|\bzoll",
    ),
)

# The order decides where a text says several things: what ends or stops a journey before what continues it.
_RULES: Final = (
    *_RETURN,
    *_STOPPED,
    *_CUSTOMS,
    *_COLLECT,
    *_ATTEMPT,
    *_AT_THE_DOOR,
    *_DELIVERED,
    *_ANNOUNCED,
    *_MOVING,
)


def read_wording(text: str) -> str | None:
    """Give the substatus that a scan's text tells, or None where it tells none. Reads the first 500 characters."""
    return _read(text[:_LONGEST])


# Carriers say few things in few words, again and again.
@lru_cache(maxsize=4096)
def _read(text: str) -> str | None:
    folded = " ".join(normalize("NFKC", text).casefold().translate(_UMLAUTS).split())
    clauses = [clause.strip() for clause in _CLAUSE_END.split(folded)]
    for rule in _RULES:
        if any(_says(clause, rule) for clause in clauses):
            return rule.substatus
    return None


def _says(clause: str, rule: _Rule) -> bool:
    if rule.unless is not None and rule.unless.search(clause):
        return False
    return any(not _is_void(clause[: found.start()], firm=rule.firm) for found in rule.pattern.finditer(clause))


def _is_void(before: str, *, firm: bool) -> bool:
    if _CONDITION.search(before):
        return True
    return firm and _NOT_YET.search(_PART_END.split(before)[-1]) is not None
