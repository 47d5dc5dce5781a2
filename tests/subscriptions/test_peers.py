"""Messages between processes are counted, so that a lost one is noticed."""

from subscriptions.peers import MOST, SILENT_SECONDS, Peers


def test_a_hole_in_a_senders_numbers_is_a_lost_message() -> None:
    peers = Peers()
    assert peers.heard("a", 7, now=0)
    assert peers.heard("a", 8, now=0)
    assert not peers.heard("a", 10, now=0)
    assert peers.heard("a", 11, now=0)


def test_a_sender_that_falls_silent_is_told_of_once() -> None:
    peers = Peers()
    peers.heard("a", 1, now=0)
    assert not peers.fell_silent(SILENT_SECONDS)
    assert peers.fell_silent(SILENT_SECONDS + 1)
    assert not peers.fell_silent(SILENT_SECONDS + 2)


def test_what_a_silent_sender_said_meanwhile_is_missed_when_it_is_heard_again() -> None:
    peers = Peers()
    peers.heard("a", 1, now=0)
    peers.fell_silent(SILENT_SECONDS + 1)
    assert not peers.heard("a", 9, now=60)


def test_a_sender_that_said_goodbye_is_not_missed() -> None:
    peers = Peers()
    peers.heard("a", 1, now=0)
    peers.left("a")
    assert not peers.fell_silent(SILENT_SECONDS + 1)


def test_nobody_is_silent_while_we_were_away_ourselves() -> None:
    peers = Peers()
    peers.heard("a", 1, now=0)
    peers.rejoined(now=100)
    assert not peers.fell_silent(100 + SILENT_SECONDS)


def test_only_so_many_senders_are_remembered() -> None:
    peers = Peers()
    for number in range(MOST + 1):
        peers.heard(f"p{number}", 1, now=0)
    assert peers.heard("p0", 5, now=0), "forgotten, so that it is a stranger again"
    assert not peers.heard(f"p{MOST}", 5, now=0)
