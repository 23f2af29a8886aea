"""Links between members: what a cut, a delay and a mend do to the bytes on their way."""

from __future__ import annotations

import gc
import socket
import threading
import time

import pytest

from dsviz.engines.ports import HOST
from dsviz.engines.proxy import Links


class Echo:
    """A server that sends back what it gets, and counts its connections."""

    def __init__(self) -> None:
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.got = bytearray()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        with conn:
            while data := conn.recv(1 << 16):
                self.got += data
                conn.sendall(data)


@pytest.fixture
def echo():
    one = Echo()
    yield one
    one.listener.close()


@pytest.fixture
def links():
    one = Links()
    yield one
    one.close()


def dial(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), 5)


def asked(conn: socket.socket, words: bytes, timeout: float = 5.0) -> bytes | None:
    """Send words and return the echo, None when none came in time."""
    conn.sendall(words)
    return heard(conn, len(words), timeout)


def heard(conn: socket.socket, size: int, timeout: float = 5.0) -> bytes | None:
    conn.settimeout(timeout)
    got = b""
    try:
        while len(got) < size:
            got += conn.recv(size - len(got)) or b"<end>"
    except TimeoutError:
        return None
    return got


def until(condition, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_bytes_pass_both_ways_whole_and_in_order(links, echo):
    port = links.add("a", "b", echo.port)
    words = bytes(range(256)) * 40_000  # ten megabytes: more than any buffer
    with dial(port) as conn:
        assert asked(conn, b"hello") == b"hello"
        sender = threading.Thread(target=conn.sendall, args=(words,))
        sender.start()
        assert heard(conn, len(words), 20) == words
        sender.join()


def test_a_cut_holds_back_one_direction_and_a_mend_lets_it_through(links, echo):
    with dial(links.add("a", "b", echo.port)) as conn:
        assert asked(conn, b"1") == b"1"
        links.cut("b", "a")
        assert not links.is_open("b", "a")
        assert links.is_open("a", "b")
        assert asked(conn, b"2", 0.2) is None
        assert until(lambda: bytes(echo.got) == b"12"), "the other direction works"
        links.mend("b", "a")
        assert heard(conn, 1) == b"2"
        links.cut("a", "b")
        assert asked(conn, b"3", 0.2) is None
        assert bytes(echo.got) == b"12", "what is held has not arrived"
        links.mend_all()
        assert heard(conn, 1) == b"3"


def test_a_connection_over_a_cut_link_hangs_until_it_is_mended(links, echo):
    port = links.add("a", "b", echo.port)
    links.cut("b", "a")
    with dial(port) as conn:
        assert asked(conn, b"x", 0.2) is None
        assert echo.connections == 0
        links.mend("b", "a")
        assert heard(conn, 1) == b"x"


def test_links_are_faulted_one_by_one(links, echo):
    ports = [links.add("a", "b", echo.port), links.add("c", "b", echo.port)]
    links.cut("a", "b")
    with dial(ports[0]) as one, dial(ports[1]) as other:
        assert asked(one, b"x", 0.1) is None
        assert asked(other, b"y") == b"y"


def test_a_delay_is_of_one_direction_and_keeps_the_order(links, echo):
    with dial(links.add("a", "b", echo.port)) as conn:
        links.delay("a", "b", 80)
        began = time.monotonic()
        assert asked(conn, b"1") == b"1"
        once = time.monotonic() - began
        assert 0.08 <= once < 1
        links.delay("b", "a", 80)
        began = time.monotonic()
        assert asked(conn, b"2") == b"2"
        assert time.monotonic() - began >= 0.16
        conn.sendall(b"abc")
        links.delay("a", "b", 0)
        conn.sendall(b"def")
        assert heard(conn, 6) == b"abcdef", "what was sent later does not overtake"


def test_a_lost_reply_arrived_and_its_connection_breaks_and_no_other_one(links, echo):
    port = links.add("a", "b", echo.port)
    with dial(port) as conn, dial(port) as other:
        assert asked(conn, b"before") == b"before"
        links.lose_reply("a", "b", lambda sent: sent.startswith(b"lose"))
        assert asked(other, b"kept") == b"kept"
        conn.sendall(b"lose me")
        assert heard(conn, 1) == b"<end>"
        assert b"lose me" in echo.got
        assert asked(other, b"lose") == b"lose", "once"
    with dial(port) as again:
        assert asked(again, b"lose") == b"lose"


def test_an_end_is_passed_on_behind_what_was_sent_and_not_over_a_cut(links, echo):
    server = socket.create_server((HOST, 0))
    conn = dial(links.add("a", "b", server.getsockname()[1]))
    far, _ = server.accept()
    links.cut("a", "b")
    conn.sendall(b"last words")
    conn.close()
    assert heard(far, 1, 0.2) is None, "a partition hides the end as well"
    links.mend("a", "b")
    assert heard(far, 10) == b"last words"
    assert far.recv(1) == b""
    far.close()
    server.close()


def test_a_far_end_that_is_gone_hangs_up_and_one_that_is_refused_refuses(links):
    with socket.create_server((HOST, 0)) as server:
        nobody = server.getsockname()[1]
    port = links.add("a", "b", nobody)
    with dial(port) as conn:
        assert conn.recv(1) == b""
    links.refuse("b")
    links.refuse("b")
    with pytest.raises(ConnectionRefusedError):
        dial(port)
    links.accept("b")
    dial(port).close()


def test_a_sender_has_to_wait_when_nothing_passes(links, echo):
    with dial(links.add("a", "b", echo.port)) as conn:
        assert asked(conn, b"x") == b"x"
        links.cut("a", "b")
        conn.settimeout(0.3)
        with pytest.raises(TimeoutError):
            conn.sendall(bytes(64 << 20))


def test_closing_frees_the_ports_ends_the_thread_and_can_be_left_to_the_collector(echo):
    links = Links()
    port = links.add("a", "b", echo.port)
    conn = dial(port)
    assert asked(conn, b"x") == b"x"
    threads = {t for t in threading.enumerate() if t.name == "dsviz-links"}
    links.close()
    links.close()
    assert not {t for t in threads if t.is_alive()} or len(threads) > 1
    with pytest.raises(ConnectionRefusedError):
        dial(port)
    conn.close()
    other = Links()
    other.add("a", "b", echo.port)
    thread = other._finish.peek()[2][2]
    del other
    gc.collect()
    assert until(lambda: not thread.is_alive())
