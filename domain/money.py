"""Amounts of money: whole minor units of an ISO 4217 currency."""

from collections.abc import Mapping
from typing import Any

from domain.errors import bad_request
from domain.records import Record

MOST_MINOR_UNITS = 1_000_000_000_000

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC
CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR
ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF
YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""Active codes of states and monetary unions; no funds, metals or test codes."""


class Money(Record, frozen=True):
    """Minor units (cents; yen for JPY) of an ISO 4217 currency."""

    amount_minor: int
    currency: str


def price(given: Mapping[str, Any], field: str) -> Money:
    """A `MoneyInput` as money that somebody can owe: a whole number above 0.

    Raises:
        DomainError: BAD_REQUEST, rule RANGE or CURRENCY.
    """
    amount, currency = given["amount_minor"], given["currency"]
    if not 0 < amount <= MOST_MINOR_UNITS or amount != int(amount):
        raise bad_request(f"{field}.amountMinor", "RANGE", f"amountMinor is a whole number, 1 to {MOST_MINOR_UNITS}.")
    if currency not in CURRENCIES:
        raise bad_request(f"{field}.currency", "CURRENCY", "currency is an ISO 4217 code, upper case, e.g. USD.")
    return Money(int(amount), currency)
