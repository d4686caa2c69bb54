"""Pictures on the web: what is read, what is refused, and that no server can make us reach inward, wait for ever or burst."""

from __future__ import annotations

import gc
import io
import itertools
import socket
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver
from trainyard.datasets.sources import FolderSource, PictureProblem, Sources
from trainyard.datasets.web import Limits, Web, WebProblem
from trainyard.outward.hosts import AllowedHosts

from tests.web_servers import PNG, WebServer, web_server

QUICK = Limits(largest=2_000_000, answer=0.5, silence=0.3, hops=3)


class Names(AbstractResolver):
    """Knows the addresses it is given; each answer of a name is used once, the last for ever."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.answers = {name: itertools.chain(given, itertools.repeat(given[-1])) for name, given in names.items()}

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        if host not in self.answers:
            raise OSError("unknown")
        address = next(self.answers[host])
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def web(*allowed: str, limits: Limits = QUICK, **names: list[str]) -> Web:
    rules = AllowedHosts.of(allowed)
    names = {"pictures.test": ["127.0.0.1"], **{name.replace("_", "."): given for name, given in names.items()}}
    return Web(lambda: rules, limits, lambda: Names(names))


@pytest.fixture
def reader() -> Iterator[Web]:
    made = web("pictures.test")
    yield made
    made.close()


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(PictureProblem) as told:
        call(*arguments)
    assert str(told.value)
    return told.value.code


def test_a_picture_of_an_allowed_host_is_read(reader, server):
    assert reader.read(server.url("/pictures/1", "pictures.test")).startswith(b"\x89PNG")


def test_a_list_may_mix_files_and_the_web(reader, server, tmp_path):
    (tmp_path / "1.png").write_bytes(PNG)
    sources = Sources(FolderSource({"": tmp_path}), web=reader)
    assert sources.read("1.png") == sources.read(server.url("/slowly", "pictures.test"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
        "10.0.0.1", "169.254.169.254", "192.168.0.1", "[fe80::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    ],
)  # fmt: skip
def test_no_way_of_writing_a_private_address_leads_there(server, host):
    made = Web(AllowedHosts, QUICK)
    asked = len(server.asked)
    assert code_of(made.read, server.url("/pictures/1", host)) in {"web-private", "web-unavailable"}
    assert len(server.asked) == asked
    made.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_it_is_said_that_the_address_is_private(server, host):
    made = Web(AllowedHosts, QUICK)
    assert code_of(made.read, server.url("/pictures/1", host)) == "web-private"
    made.close()


@pytest.mark.parametrize(
    "hop", ["http://127.0.0.1:{port}/pictures/1", "//inward.test:{port}/pictures/1", "http://[::ffff:7f00:1]:{port}/"]
)
def test_a_redirect_inward_is_not_followed(server, hop):
    made = web("pictures.test", inward_test=["127.0.0.1"])
    target = hop.format(port=server.port)
    asked = len(server.asked)
    assert code_of(made.read, server.url(f"/to?url={target}", "pictures.test")) == "web-private"
    assert len(server.asked) == asked + 1
    made.close()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://pictures.test/1", "http://a:b@pictures.test/1"])
def test_a_redirect_to_what_is_no_web_address_is_refused(reader, server, target):
    assert code_of(reader.read, server.url(f"/to?url={target}", "pictures.test")) in {"web-address", "web-password"}


def test_a_refused_picture_leaves_no_socket_behind(server):
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        made = web("pictures.test", inward_test=["127.0.0.1"])
        assert code_of(made.read, server.url("/page", "pictures.test")) == "picture-type"
        assert code_of(made.read, server.url("/pictures/1", "inward.test")) == "web-private"
        made.close()
        for thread in threading.enumerate():
            if thread.name == "web":
                thread.join(5)
        gc.collect()
    assert [str(one.message) for one in told] == []


def test_redirects_are_followed_and_end(reader, server):
    target = server.url("/slowly", "pictures.test")
    assert reader.read(server.url(f"/to?url={target}", "pictures.test")) == PNG
    assert code_of(reader.read, server.url("/round", "pictures.test")) == "web-redirects"


def test_a_name_that_leads_inward_the_second_time_is_not_followed(server):
    """DNS rebinding: whoever owns the name answers with a public address first."""
    made = web(changing_test=["203.0.113.1", "127.0.0.1"])
    asked = len(server.asked)
    codes = [code_of(made.read, server.url("/pictures/1", "changing.test")) for _ in range(3)]
    assert set(codes[1:]) == {"web-private"} and len(server.asked) == asked
    made.close()


def test_the_address_that_is_connected_to_is_what_counts(server):
    """What the resolver said before is nothing: the socket is made for this very address, or not at all."""
    made = web("10.0.0.0/8", "*.lan.test:1", sub_lan_test=["127.0.0.1"])
    assert code_of(made.read, server.url("/pictures/1", "sub.lan.test")) == "web-private"
    made.close()


@pytest.mark.parametrize(
    "entry", ["sub.lan.test", "*.lan.test", "127.0.0.1", "127.0.0.0/8", "sub.lan.test:{port}", "127.0.0.1:{port}"]
)
def test_every_way_of_allowing_a_host_allows_it(server, entry):
    made = web(entry.format(port=server.port), sub_lan_test=["127.0.0.1"])
    assert made.read(server.url("/slowly", "sub.lan.test")) == PNG
    made.close()


@pytest.mark.parametrize(
    ("path", "code", "again"),
    [
        ("/none", "picture-missing", False),
        ("/status?is=403", "picture-forbidden", False),
        ("/status?is=500", "web-refused", True),
        ("/status?is=503", "web-refused", True),
        ("/status?is=418", "web-refused", False),
        ("/page", "picture-type", False),
        ("/lying", "picture-type", False),
        ("/empty", "web-empty", False),
        ("/endless", "picture-bytes", False),
        ("/announced?bytes=99999999999", "picture-bytes", False),
        ("/announced?bytes=5000", "web-unavailable", True),
        ("/bomb", "picture-bytes", False),
        ("/brotli", "web-packed", False),
        ("/silent", "web-silent", True),
        ("/stalls", "web-silent", True),
        ("/drips", "web-silent", True),
        ("/dripping_head", "web-silent", True),
    ],
)
def test_what_servers_do_wrong_is_told_apart(reader, server, path, code, again):
    with pytest.raises(WebProblem) as told:
        reader.read(server.url(path, "pictures.test"))
    assert (told.value.code, told.value.again) == (code, again), str(told.value)


def test_a_server_says_when_to_come_again(reader, server):
    for after, seconds in (("7", 7.0), ("soon", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("99999999", 3600.0)):
        with pytest.raises(WebProblem) as told:
            reader.read(server.url(f"/status?is=429&after={after.replace(' ', '%20')}", "pictures.test"))
        assert told.value.after == seconds


def test_the_content_counts_and_not_what_it_is_called(reader, server):
    assert reader.read(server.url("/plain", "pictures.test")) == PNG
    assert reader.read(server.url("/packed", "pictures.test")) == PNG


def test_a_bomb_is_never_held_in_memory(server):
    made = web("pictures.test", limits=Limits(largest=200_000_000, answer=20))
    tracemalloc.start()
    file = io.FileIO("/dev/null", "wb")
    assert made.fetch(server.url("/bomb", "pictures.test"), file).size > 50_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
    made.close()


def test_neither_cookies_nor_passwords_travel(reader, server, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine pictures.test login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for _ in range(2):
        assert reader.read(server.url("/auth", "pictures.test")) == PNG
    assert code_of(reader.read, f"http://a:b@pictures.test:{server.port}/auth") == "web-password"


@pytest.mark.parametrize("url", ["http://", "http:///x", "https://a:99999/", "http://[::1", "ftp://pictures.test/1", "1.jpg"])
def test_what_is_no_address_is_said(reader, url):
    assert code_of(reader.read, url) == "web-address"


def test_one_person_does_not_take_every_place(server):
    made = web("pictures.test", limits=Limits(answer=20, silence=20, per_person=2, at_once=4))
    with web_server() as slow, ThreadPoolExecutor(8) as pool:
        held = [pool.submit(made.read, slow.url("/silent", "pictures.test"), "mallory") for _ in range(6)]
        assert made.read(server.url("/slowly", "pictures.test"), "alice") == PNG
        assert slow.most_at_once <= 2
        slow.released.set()
        assert [type(one.exception()) for one in held] == [WebProblem] * 6
    made.close()


@pytest.mark.parametrize(
    "entry", ["", "http://a", "a/b", "a b", "10.0.0.1/99", "*", "*.", "a:0", "a:70000", "999.1.1.1", "-a", "a..b"]
)
def test_an_entry_that_means_no_host_is_refused(entry):
    from trainyard.errors import Invalid

    with pytest.raises(Invalid):
        AllowedHosts.of([entry])
