"""The framing guard: what could be read in two ways is refused, and nothing behind it is taken for a request."""

import pytest
from support.raw import exchange

SMUGGLED = b"GET /protected HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"name":"x","price":1}'


def request(*headers, line=b"POST /items/stats HTTP/1.1", host=b"Host: x", body=b"", end=b"\r\n"):
    lines = [line, *([host] if host else []), *headers]
    return end.join(lines) + end + end + body


REFUSED = {
    "content-length and transfer-encoding": request(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "transfer-encoding and content-length": request(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n"),
    "garbage content-length and chunked": request(b"Content-Length: x", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "two different content-lengths": request(b"Content-Length: 0", b"Content-Length: 5", body=b"xxxxx"),
    "two equal content-lengths": request(b"Content-Length: 5", b"Content-Length: 5", body=b"xxxxx"),
    "a list of content-lengths": request(b"Content-Length: 5, 5", body=b"xxxxx"),
    "a signed content-length": request(b"Content-Length: +5", body=b"xxxxx"),
    "a negative content-length": request(b"Content-Length: -5"),
    "a hexadecimal content-length": request(b"Content-Length: 0x5", body=b"xxxxx"),
    "an empty content-length": request(b"Content-Length:"),
    "transfer-encoding twice": request(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "an unknown transfer-encoding": request(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked before another coding": request(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "transfer-encoding in HTTP/1.0": request(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0", body=b"0\r\n\r\n"),
    "a blank before the colon": request(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "a folded header": request(b"X-A: 1\r\n folded"),
    "a line that begins with a tab": request(b"X-A: 1\r\n\tfolded"),
    "bare line feeds": request(line=b"GET / HTTP/1.1", end=b"\n"),
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n",
    "a bare carriage return": request(b"X-A: 1\rX-B: 2", line=b"GET / HTTP/1.1"),
    "no host": request(host=None, line=b"GET / HTTP/1.1"),
    "two hosts": request(b"Host: y", line=b"GET / HTTP/1.1"),
    "a NUL in a header": request(b"X-A: a\0b", line=b"GET / HTTP/1.1"),
    "a NUL in the path": request(line=b"GET /\0 HTTP/1.1"),
    "a header without a name": request(b": x", line=b"GET / HTTP/1.1"),
    "a blank in the target": request(line=b"GET /a b HTTP/1.1"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_in_two_ways_is_400_and_closes(server, name):
    answers = exchange(server, REFUSED[name] + SMUGGLED)
    assert [answer.status for answer in answers] == [400], [a.body for a in answers]
    assert answers[0].headers["connection"] == "close"
    assert answers[0].headers["content-type"] == "application/json" and isinstance(answers[0].json()["detail"], str)


@pytest.mark.parametrize("name", REFUSED)
def test_the_next_connection_is_sound_after_it(server, client, name):
    exchange(server, REFUSED[name])
    assert client.get("/").status_code == 200


def test_requests_one_after_the_other_are_answered_in_order(server):
    paths = [b"/", b"/nowhere", b"/items/x", b"/api/v1/health"] * 4
    answers = exchange(server, b"".join(request(line=b"GET " + p + b" HTTP/1.1") for p in paths))
    assert [a.status for a in answers] == [200, 404, 422, 200] * 4


def test_a_request_in_single_bytes_is_answered(server):
    text = request(b"Content-Type: application/json", b"Content-Length: 2", line=b"POST /items HTTP/1.1", body=b"{}")
    answers = exchange(server, *(bytes([b]) for b in text))
    assert [a.status for a in answers] == [422]


def test_a_chunked_body_is_read(server):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (b'{"na', b'me":"chu', b'nk"}')) + b"0\r\n\r\n"
    text = request(b"Content-Type: application/json", b"Transfer-Encoding: chunked", line=b"POST /items HTTP/1.1", body=chunks)
    answers = exchange(server, text + request(line=b"GET / HTTP/1.1"))
    assert [a.status for a in answers] == [422, 200]
    assert answers[0].json()["detail"][0]["input"] == {"name": "chunk"}


def test_http_1_0_is_answered_and_closed(server):
    answers = exchange(server, request(line=b"GET / HTTP/1.0", host=None) + SMUGGLED)
    assert [a.status for a in answers] == [200]


def test_connection_close_is_honoured(server):
    answers = exchange(server, request(b"Connection: close", line=b"GET / HTTP/1.1") + SMUGGLED)
    assert [a.status for a in answers] == [200]


def test_an_absolute_target_is_its_path(server):
    answers = exchange(server, request(line=b"GET http://x/api/v1/health HTTP/1.1"))
    assert [a.status for a in answers] in ([200], [400])
    assert answers[0].status == 400 or answers[0].json() == {"status": "ok"}


def test_expect_100_continue_is_answered(server):
    head = request(b"Content-Type: application/json", b"Expect: 100-continue", b"Content-Length: 2", line=b"POST /items HTTP/1.1")
    with server.raw() as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"{}")
        assert connection.recv(100).startswith(b"HTTP/1.1 422")


def test_a_body_on_a_get_is_ignored(server):
    answers = exchange(server, request(b"Content-Length: 5", line=b"GET / HTTP/1.1", body=b"xxxxx") + request(line=b"GET / HTTP/1.1"))
    assert [a.status for a in answers] == [200, 200]


@pytest.mark.parametrize("target, detail", [
    (b"/items/%31", None), (b"/items/%zz", "int_parsing"), (b"/items/%ff", "int_parsing"), (b"/items/%C3%A9", "int_parsing"),
])
def test_a_strange_path_is_a_clear_4xx(server, target, detail):
    answers = exchange(server, request(line=b"GET " + target + b" HTTP/1.1"))
    assert answers[0].status == (404 if detail is None else 422)
    assert detail is None or answers[0].json()["detail"][0]["type"] == detail


def test_a_nul_in_a_path_or_query_never_becomes_a_500(server):
    for target in (b"/items/%00", b"/items?q=%00", b"/%00"):
        answers = exchange(server, request(line=b"GET " + target + b" HTTP/1.1"))
        assert 400 <= answers[0].status < 500, target
