"""What of a TensorBoard's answer reaches the browser."""

from __future__ import annotations

import httpx
import pytest
from trainyard_service.trainings.tensorboard import headers_told

BELOW = "/services/trainyard/api/v1/trainings/0123456789abcdef/tensorboard/"


def test_an_answer_keeps_what_a_page_needs():
    needed = {
        "content-type": "text/html",
        "content-security-policy": "default-src 'self'",
        "etag": '"1"',
        "location": f"{BELOW}a",
    }
    assert headers_told(httpx.Headers(needed), BELOW) == needed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Service-Worker-Allowed", "/"),
        ("Set-Cookie", "a=b; Path=/"),
        ("Clear-Site-Data", '"*"'),
        ("Access-Control-Allow-Origin", "*"),
        ("Location", "/services/trainyard/api/v1/tokens"),
        ("Location", f"{BELOW}../../../tokens"),
        ("Location", "https://elsewhere.example/"),
        ("Content-Encoding", "gzip"),
    ],
)
def test_an_answer_reaches_nothing_beyond_the_tensorboard(name, value):
    assert headers_told(httpx.Headers({name: value}), BELOW) == {}
