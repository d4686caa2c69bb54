"""Pictures at ``http(s)://``: fetched for people who are not trusted, from servers that are not either.

Every hop of a redirect is judged anew, and every connection by the address it leads to (``trainyard.outward``). A server may be
slow, endless, packed to burst or silent: there are limits of bytes, of time, of hops and of what is done at once. What comes
is judged by its first bytes, and a file that does not come whole does not come at all.

All requests run in one event loop of their own; ``fetch`` is called from any thread and blocks only that one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from socket import AF_UNSPEC, SOCK_STREAM, socket
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.request import getproxies, proxy_bypass
from weakref import WeakValueDictionary

from trainyard.datasets.content import HEAD, Content, content_of
from trainyard.datasets.sources import MAX_PICTURE, PictureProblem
from trainyard.outward.hosts import AllowedHosts
from trainyard.words import N_

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver
    from yarl import URL

_BLOCK = 1 << 16
_IN_MEMORY = 1 << 20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 3600.0


class WebProblem(PictureProblem):
    """Why there is no picture. ``again``: it may be there later; ``after``: not before so many seconds (Retry-After)."""

    def __init__(self, code: str, message: str, *, again: bool = False, after: float = 0.0, **values: Any) -> None:
        super().__init__(code, message, **values)
        self.again = again
        self.after = after


@dataclass(frozen=True)
class Limits:
    """Seconds, bytes and counts that no server can stretch.

    ``answer`` seconds for names, connection and the answer's head together, ``silence`` between any two bytes; a body gets
    ``answer`` seconds and one more for each ``slowest`` bytes that came, and never more than ``longest`` seconds. So many
    files ``at_once``, and so many of them ``per_person``, so that nobody's slow server keeps everybody waiting.
    """

    largest: int = MAX_PICTURE
    answer: float = 20.0
    silence: float = 15.0
    slowest: int = 64 * 1024
    longest: float = 1800.0
    hops: int = 5
    at_once: int = 48
    per_person: int = 16


class Fetched(NamedTuple):
    """A file that came whole: its bytes, what it is, and where it really lay."""

    size: int
    content: Content
    url: str


class _Wanted(NamedTuple):
    """What is to be fetched, to where, how large it may be, and from which hosts beside the public ones."""

    url: str
    file: IO[bytes]
    largest: int
    allowed: AllowedHosts


@dataclass
class _Hop:
    """One request under way: to whom, what is allowed, and whether it turned out to lead inward."""

    host: str
    port: int
    allowed: AllowedHosts
    proxied: bool = False
    inward: bool = False

    def check(self, address: str) -> None:
        """Raises:
        OSError: the address may not be connected to.
        """
        if not self.proxied and not self.allowed.may_reach(self.host, self.port, address):
            self.inward = True
            raise OSError("the name leads into a private network")


_hop: ContextVar[_Hop] = ContextVar("hop")


class Web:
    """Fetches pictures. ``allowed`` is asked at every fetch; ``resolver`` (of aiohttp) replaces the system's in tests."""

    def __init__(
        self,
        allowed: Callable[[], AllowedHosts] = AllowedHosts,
        limits: Limits = Limits(),
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self._allowed, self._limits, self._resolver = allowed, limits, resolver
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._session: ClientSession | None = None
        self._gate = asyncio.Semaphore(limits.at_once)
        self._gates: WeakValueDictionary[object, asyncio.Semaphore] = WeakValueDictionary()

    def read(self, url: str, who: object = None) -> bytes:
        """The bytes of the picture or video; what is neither is refused.

        Raises:
            PictureProblem: why not.
        """
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            self.fetch(url, file, who=who)
            file.seek(0)
            return file.read()

    def exists(self, url: str) -> bool:
        """Whether ``read`` would find something; that is only known by reading."""
        try:
            self.read(url)
        except PictureProblem:
            return False
        return True

    def fetch(self, url: str, file: IO[bytes], largest: int = 0, who: object = None) -> Fetched:
        """Write the picture or video at ``url`` to ``file``; at most ``largest`` bytes, and never more than the limit.

        ``who`` is whose turn it is: one person's files wait for one another.

        Raises:
            WebProblem: it cannot be had, and whether it is worth asking again; what was written is worth nothing then.
        """
        wanted = _Wanted(url, file, min(largest or self._limits.largest, self._limits.largest), self._allowed())
        return asyncio.run_coroutine_threadsafe(self._in_turn(wanted, who), self._running()).result()

    def close(self) -> None:
        """End everything under way."""
        with self._starting:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self._end(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
                self._thread.start()
            return self._loop

    async def _end(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> ClientSession:
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver

            connector = TCPConnector(
                limit=0,
                use_dns_cache=False,
                resolver=self._resolver() if self._resolver else ThreadedResolver(),
                socket_factory=_checked_socket,
            )
            # cookies of one person's server are nobody else's; names and passwords of the machine's user stay here
            self._session = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=ClientTimeout(total=None, sock_read=self._limits.silence),
                headers={"User-Agent": "Trainyard", "Accept": "image/*,video/*;q=0.9,*/*;q=0.1", "Accept-Encoding": "identity"},
            )
        return self._session

    async def _in_turn(self, wanted: _Wanted, who: object) -> Fetched:
        ones_own = self._gates.get(who) or asyncio.Semaphore(self._limits.per_person)
        self._gates[who] = ones_own
        async with ones_own, self._gate:
            return await self._follow(wanted)

    async def _follow(self, wanted: _Wanted) -> Fetched:
        place = _parsed(wanted.url)
        for _ in range(self._limits.hops + 1):
            hop = _Hop(place.host or "", place.port or 0, wanted.allowed)
            proxy = _proxy_of(place)
            if proxy:
                await self._look_up(hop)
            _hop.set(hop)
            with _told(hop):
                async with asyncio.timeout(self._limits.answer) as clock:
                    answer = await self._client().get(place, allow_redirects=False, proxy=proxy)
                    async with answer:
                        following = _following(answer, place)
                        if following is None:
                            size, content = await _Body(answer, wanted, self._limits).take(clock)
                            return Fetched(size, content, str(place))
            place = following
        raise WebProblem("web-redirects", N_("The address is passed on more than {limit} times."), limit=self._limits.hops)

    async def _look_up(self, hop: _Hop) -> None:
        """Behind a proxy it is the proxy that connects; a name that leads inward as seen from here is refused all the same."""
        with contextlib.suppress(OSError):
            found = await asyncio.get_running_loop().getaddrinfo(hop.host, hop.port, family=AF_UNSPEC, type=SOCK_STREAM)
            if not all(hop.allowed.may_reach(hop.host, hop.port, str(one[4][0])) for one in found):
                raise _leads_inward(hop)
        hop.proxied = True


class _Body:
    """Takes an answer's body: counted, unpacked within the limit, judged by its first bytes."""

    def __init__(self, answer: ClientResponse, wanted: _Wanted, limits: Limits) -> None:
        self._answer, self._file, self._largest, self._limits = answer, wanted.file, wanted.largest, limits
        self._unpack = _unpacker(answer)
        self._head, self._size = b"", 0

    async def take(self, clock: asyncio.Timeout) -> tuple[int, Content]:
        """Write all of it to the file; how much it is, and what."""
        if (self._answer.content_length or 0) > self._largest:
            raise _too_large(self._largest)
        came, started = 0, asyncio.get_running_loop().time()
        async for block in self._answer.content.iter_chunked(_BLOCK):
            came += len(block)
            clock.reschedule(started + min(self._limits.answer + came / self._limits.slowest, self._limits.longest))
            for part in self._unpack(block):
                self._write(part)
        if not self._size:
            raise WebProblem("web-empty", N_("The address answers with nothing."))
        return self._size, self._content()

    def _write(self, part: bytes) -> None:
        if len(self._head) < HEAD:
            self._head += part[: HEAD - len(self._head)]
            if len(self._head) == HEAD:
                self._content()
        self._size += len(part)
        if self._size > self._largest:
            raise _too_large(self._largest)
        try:
            self._file.write(part)
        except OSError as error:
            sentence, reason = N_("It cannot be kept on the platform: {reason}."), error.strerror or type(error).__name__
            raise WebProblem("web-no-room", sentence, again=True, reason=reason) from None

    def _content(self) -> Content:
        found = content_of(self._head)
        if found is None:
            raise _no_picture(self._answer.content_type)
        return found


def _checked_socket(info: tuple[Any, ...]) -> socket:
    """aiohttp's maker of sockets: it is told the very address that is connected to next."""
    family, kind, protocol, _, address = info
    _hop.get().check(str(address[0]))
    return socket(family, kind, protocol)


def _parsed(url: str) -> URL:
    from yarl import URL

    try:
        place = URL(url)
        ok = place.scheme in ("http", "https") and bool(place.host) and place.port is not None
    except ValueError:
        ok = False
    if not ok:
        raise _no_address(url)
    if place.user is not None or place.password is not None:
        # they would stand in lists and logs, and browsers take them for nothing
        raise WebProblem("web-password", N_("The address holds a name or a password; such addresses are not read."))
    return place.with_fragment(None)


def _following(answer: ClientResponse, place: URL) -> URL | None:
    """Where the answer passes on to; None when it is the file.

    Raises:
        WebProblem: it is neither.
    """
    status = answer.status
    if status in _REDIRECTS and (target := answer.headers.get("Location")):
        from yarl import URL

        try:
            return _parsed(str(place.join(URL(target))))
        except ValueError:
            raise _no_address(target) from None
    if status == 200:
        return None
    if status in (404, 410):
        raise WebProblem("picture-missing", N_("There is nothing at this address (HTTP {status})."), status=status)
    if status in (401, 403, 407):
        raise WebProblem("picture-forbidden", N_("The server does not hand it out (HTTP {status})."), status=status)
    again = status in _AGAIN
    after = _seconds(answer.headers.get("Retry-After", "")) if again else 0.0
    raise WebProblem("web-refused", N_("The server answers with HTTP {status}."), again=again, after=after, status=status)


def _seconds(text: str) -> float:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a date."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        wanted = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - time.time()
        return min(max(0.0, wanted), _LONGEST_WAIT)
    return 0.0


def _unpacker(answer: ClientResponse) -> Callable[[bytes], Iterator[bytes]]:
    """Nothing packed was asked for; some servers pack nevertheless, and a few bytes may unpack to many: a block at a time."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return lambda block: iter((block,))
    if encoding not in ("gzip", "x-gzip", "deflate"):
        sentence = N_("The server packs what it sends by {encoding}, which is not read.")
        raise WebProblem("web-packed", sentence, encoding=encoding[:40])
    packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def unpack(block: bytes) -> Iterator[bytes]:
        while block:
            yield packed.decompress(block, _BLOCK)
            block = packed.unconsumed_tail

    return unpack


@contextlib.contextmanager
def _told(hop: _Hop) -> Iterator[None]:
    """Whatever goes wrong on the way becomes a sentence."""
    from aiohttp import ClientError

    try:
        yield
    except TimeoutError:
        raise WebProblem("web-silent", N_("{host} is silent or too slow."), again=True, host=hop.host) from None
    except zlib.error:
        raise WebProblem("web-packed", N_("What the server packed cannot be unpacked.")) from None
    except (ClientError, OSError, ValueError) as error:
        if hop.inward:
            raise _leads_inward(hop) from None
        sentence, reason = N_("{host} cannot be reached: {reason}."), type(error).__name__
        raise WebProblem("web-unavailable", sentence, again=True, host=hop.host, reason=reason) from error


def _leads_inward(hop: _Hop) -> WebProblem:
    sentence = N_("{host} leads to this machine or a private network; an administrator may allow to read pictures there.")
    return WebProblem("web-private", sentence, host=hop.host)


def _no_address(url: str) -> WebProblem:
    return WebProblem("web-address", N_("{url} is no address such as https://example.org/1.jpg."), url=url[:200])


def _too_large(largest: int) -> WebProblem:
    return WebProblem("picture-bytes", N_("The file has more than {limit} bytes."), limit=largest)


def _no_picture(kind: str) -> WebProblem:
    sentence = N_("This is neither a picture nor a video we know; the server calls it {kind}.")
    return WebProblem("picture-type", sentence, kind=kind[:80])


def _proxy_of(place: URL) -> str | None:
    """The environment's proxy for an address, or None."""
    proxy = getproxies().get(place.scheme)
    return proxy if proxy and not proxy_bypass(f"{place.host}:{place.port}") else None
