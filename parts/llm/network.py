"""The way to a server: its address, proxies, certificates and headers, and what to do when it is barred.

HTTP_PROXY, HTTPS_PROXY and NO_PROXY hold as they do for curl, but never for loopback. Certificates are certifi's and the
system's, or those of SSL_CERT_FILE alone.
"""

import contextlib
import ipaddress
import os
import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment

import aiohttp
import httpx

from parts.llm.server import is_loopback, shown, split
from parts.llm.server_reply import printable
from parts.project.errors import UserError

CONNECT_TIMEOUT = 10  # seconds


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment sets for `url`. Raises UserError for one that does not speak HTTP."""
    parts, proxies = urlsplit(url), getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if (
        not proxy
        or is_loopback(url)
        or proxy_bypass_environment(parts.netloc, proxies)
        or _is_in_a_network(url, proxies)
    ):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        scheme = proxy.partition(":")[0]
        raise UserError(
            f"the proxy for {shown(url)} speaks {scheme}: set {parts.scheme.upper()}_PROXY to one that speaks HTTP"
        )
    return proxy


def _is_in_a_network(url: str, proxies: dict[str, str]) -> bool:
    """Tell whether NO_PROXY names a network, such as 10.0.0.0/8, that the address of `url` is in."""
    for entry in proxies.get("no", "").split(","):
        with contextlib.suppress(ValueError):  # a name
            if ipaddress.ip_address(urlsplit(url).hostname or "") in ipaddress.ip_network(entry.strip(), strict=False):
                return True
    return False


def certificates(url: str) -> ssl.SSLContext | bool:
    """Return what vouches for the server at `url`; True where nothing has to. Raises UserError for a bad SSL_CERT_FILE."""
    if not url.startswith("https"):
        return True
    try:
        context = httpx.create_ssl_context()  # of SSL_CERT_FILE, or certifi's
    except OSError as error:
        raise UserError(
            f"SSL_CERT_FILE is {os.environ.get('SSL_CERT_FILE')!r}: it must be a PEM file with certificates"
        ) from error
    context.load_default_certs()
    return context


def headers(url: str, key: str) -> dict[str, str]:
    """Return the headers that carry the key to the server at `url`: Azure's has a name of its own."""
    host = urlsplit(url).hostname or ""
    return {"Authorization": f"Bearer {key}"} | ({"api-key": key} if host.endswith(".azure.com") else {})


def session(url: str, key: str) -> aiohttp.ClientSession:
    """Return a session with any number of connections to the server at `url`, a timeout and the key.

    Raises UserError for an address that holds a password: two ways to say who asks exclude each other.
    """
    if "@" in urlsplit(url).netloc:
        raise UserError(f"OPENAI_BASE_URL ({shown(url)}) has a user in it: put the key into OPENAI_API_KEY instead")
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=certificates(url)),
        timeout=aiohttp.ClientTimeout(total=timeout(), sock_connect=CONNECT_TIMEOUT),
        headers=headers(url, key) | {"Content-Type": "application/json"},
        proxy=proxy_of(url),
    )


def openai_options(url: str, key: str) -> dict[str, Any]:
    """Return how a client of the openai package reaches the server at `url`, but for its `http_client`."""
    base, query = split(url)
    extra = {name: value for name, value in headers(url, key).items() if name != "Authorization"}
    return {
        "base_url": base, "api_key": key, "default_headers": extra, "default_query": dict(parse_qsl(query[1:])),
    }  # fmt: skip


def httpx_options(url: str) -> dict[str, Any]:
    """Return how an httpx client, or transport, reaches the server at `url`."""
    return {"proxy": proxy_of(url), "verify": certificates(url), "trust_env": False}


def late() -> str:
    """Return what to do where a request took longer."""
    return f"no answer within {timeout():g} s: raise CLOSEDBOOK_TIMEOUT, or lower CLOSEDBOOK_WORKERS"


def timeout() -> float:
    """Return the seconds that one request may take."""
    return float(os.environ.get("CLOSEDBOOK_TIMEOUT", "300"))


def barred(error: Exception) -> str | None:
    """Return why no request can get through, and what to do, for an error that every request would meet; else None."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", str(error.certificate_error))
        return (
            f"its certificate is not trusted ({printable(reason)}): set SSL_CERT_FILE to a PEM file with the certificates of "
            "your company, or correct OPENAI_BASE_URL"
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused the connection ({error.status}): check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    return None
