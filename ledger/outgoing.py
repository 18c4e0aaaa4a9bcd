"""One POST to an address that somebody named: never into our own network, and no further than that address.

The name is resolved once, every address it has must be a public one, and the connection is made to the
address that was looked at: a name that answers otherwise the next moment leads nowhere else. No redirect is
followed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from ledger.core.errors import Invalid

SECONDS_MOST = 10  # for all of it
READ_MOST = 64 * 1024
URL_MOST = 500
# Global by name, but they carry an IPv4 address inside that a gateway would follow.
_CARRIERS = tuple(ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


class Unreachable(Exception):
    """It did not go out, or no answer came."""


def check(url: str, *, private: bool = False) -> SplitResult:
    """The parts of an address that may be called, or Invalid. `private` lets tests call this machine."""
    parts = _parts(url)
    host = parts.hostname or ""
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\@#") and len(url) <= URL_MOST
    if not plain or not host or not _has_port(parts) or parts.scheme not in _schemes(private):
        raise Invalid(
            "webhook_url",
            "“{url}” cannot be called; write an address such as https://example.org/path",
            url=url[:100],
        )
    if not private and not (_is_name(host) or is_public(host)):
        raise _private(host, host)
    return parts


def _parts(url: str) -> SplitResult:
    """The parts of it; of what has none, such as a bracket that is not closed, empty ones."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _schemes(private: bool) -> tuple[str, ...]:
    return ("https", "http") if private else ("https",)


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _is_name(host: str) -> bool:
    """Whether it is a name that may lead anywhere, and no address and no name of this network's own."""
    try:
        ip_address(host)
    except ValueError:
        if "." not in host.rstrip(".") or host.rpartition(".")[2].isdigit():
            raise _private(host, host) from None
        return True
    return False


def _private(host: str, address: str) -> Invalid:
    return Invalid(
        "webhook_private",
        "{host} leads to {address}, which is not on the public internet; it is not called",
        host=host,
        address=address,
    )


def addresses(parts: SplitResult, *, private: bool = False) -> list[str]:
    """Where the name leads, or Invalid where any of it is not for everybody to reach."""
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"no address is known of {host}") from error
    for one in found:
        if not private and not is_public(one):
            raise _private(host, one)
    return found


def is_public(text: str) -> bool:
    """Whether an address is one that everybody reaches, and nothing of this network."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        return _is_public(address) and not any(address in one for one in _CARRIERS)
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False) -> int:
    """Send it; the status that was answered, whatever it is. Unreachable or Invalid where none was."""
    parts = check(url, private=private)
    address = addresses(parts, private=private)[0]
    connection = HTTPConnection(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    late = Timer(SECONDS_MOST, lambda: _hang_up(connection))  # also for who answers a letter a second
    late.start()
    try:
        connection.sock = _connected(parts, address, connection.port)
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        answer.read(READ_MOST)
        return answer.status
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{type(error).__name__}: {error}"[:200]) from error
    finally:
        late.cancel()
        connection.close()


def _connected(parts: SplitResult, address: str, port: int) -> socket.socket:
    """To the address that was looked at, under the name that was asked for."""
    plain = socket.create_connection((address, port), SECONDS_MOST)
    if parts.scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
    except BaseException:
        plain.close()
        raise


def _hang_up(connection: HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
