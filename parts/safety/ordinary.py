"""Tell numbers that only look private: versions, sections, part numbers, amounts, addresses that every machine has.

A word just before the number, a unit just behind it, or the value itself says so. What has a checksum, or a country code,
is never ordinary.
"""

import ipaddress
import re

_PARTS = (
    "part parts pn kit package model article item sku serial batch lot version versions release releases build firmware "
    "revision section sections clause clauses chapter chapters figure figures table tables paragraph paragraphs page pages "
    "row rows annex appendix rule step standard iso din argument arguments parameter parameters value values coordinates"
).split()
_CODES = "cusip isin isbn issn doi ean upc rfc arxiv checksum".split()  # also some words before
_UNITS = (
    "euros? dollars? pounds? usd eur gbp chf sek units? files? requests? cycles? shares? pieces? items? lines? rows? people "
    "employees customers bytes? kb mb gb ms milliseconds? seconds? minutes? percent kg km mm cm hz ma rpm million thousand"
).split()
# a list goes on: sections 4.2.1, 4.2.2 and 7.11.3.2
_NAMED = re.compile(
    rf"\b(?:{'|'.join(_PARTS)})(?:\s+(?:no|nr|nos|numbers?)\b)?[\s.:#]*"
    r"(?:\w{0,20}\d\w{0,20}[.-][\w.-]{0,30}(?:,\s*|\s+(?:and|or|to)\s+)){0,9}$",
    re.IGNORECASE,
)
_CODE = re.compile(rf"\b(?:{'|'.join(_CODES)})\b(?:\W+\w+){{0,5}}\W*$", re.IGNORECASE)
_UNIT = re.compile(rf" ?(?:%|(?:{'|'.join(_UNITS)})\b)", re.IGNORECASE)
_NUMBER = re.compile(r"[\d\s.,/-]+")  # brackets and a plus are of telephone numbers
_AMOUNT = re.compile(r"\d+(?:[ ,]\d{3})*")
_NETWORKS = {"10.0.0.0", "172.16.0.0", "192.168.0.0"}  # of every house
REACH = 100  # characters before a number that are read


def is_ordinary(text: str, start: int, end: int, kind: str) -> bool:
    """Tell whether text[start:end], taken for a private value of a `kind` without a checksum, is an ordinary number."""
    value, before = text[start:end], text[max(0, start - REACH) : start]
    if kind == "IP_ADDRESS" and _is_of_every_machine(value):
        return True
    if kind != "IP_ADDRESS" and not _NUMBER.fullmatch(value):
        return False
    is_amount = _AMOUNT.fullmatch(value) and _UNIT.match(text, end)
    return bool(is_amount or _NAMED.search(before) or _CODE.search(before))


def _is_of_every_machine(value: str) -> bool:
    """Tell whether an address names no machine: loopback, any, a mask, a private range, or a name of code such as `a::b`."""
    address = ipaddress.ip_interface(value).ip
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return (
            address.is_unspecified
            or address.is_loopback
            or bool(mapped and mapped.is_loopback)
            or not re.search(r"\d", value)
        )
    return address.is_unspecified or address.is_loopback or address.is_reserved or str(address) in _NETWORKS
